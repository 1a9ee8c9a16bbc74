using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Mvc.Razor.Compilation;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Finds <see cref="RequireMptcpAttribute"/> where it compiles and has no effect: on methods of hubs, Razor Page handlers and interfaces.
/// </summary>
internal sealed class MisplacedAttributes
{
    private const string RazorPage = "mvc.1.0.razor-page";
    private const string NeverTrimmed = "A method that was trimmed can't be called, and so needs no requirement.";

    private readonly HashSet<Type> _checked = [];

    /// <exception cref="InvalidOperationException">There is such an attribute.</exception>
    public void ThrowIfAnyIn(Endpoint endpoint)
    {
        if (endpoint.Metadata.GetMetadata<HubMetadata>()?.HubType is { } hub)
        {
            ThrowIfOnMethodOf(hub, "the hub class");
            ThrowIfOnInterfaceOf(hub);
        }

        // Of a handler, only the attributes of the method become metadata.
        if (endpoint.Metadata.GetMetadata<MethodInfo>()?.DeclaringType is { } type && endpoint.Metadata.GetMetadata<ControllerActionDescriptor>() is null
            && endpoint.Metadata.GetMetadata<RequireMptcpAttribute>() is null && type.IsDefined(typeof(RequireMptcpAttribute), inherit: true))
        {
            throw new InvalidOperationException(
                $"[RequireMptcp] has no effect on {type}, whose methods handle requests of minimal APIs: they would be served over TCP. Put it on the methods.");
        }

        ThrowIfOnInterfaceOf(
            endpoint.Metadata.GetMetadata<ControllerActionDescriptor>()?.ControllerTypeInfo ?? endpoint.Metadata.GetMetadata<MethodInfo>()?.DeclaringType);
    }

    /// <exception cref="InvalidOperationException">There is such an attribute.</exception>
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = NeverTrimmed)]
    public void ThrowIfAnyInPages(IServiceProvider services)
    {
        if (services.GetService<ApplicationPartManager>() is not { } parts)
        {
            return;
        }

        var views = new ViewsFeature();
        parts.PopulateFeature(views);
        foreach (var view in views.ViewDescriptors)
        {
            // The handlers are methods of the model, or of the page if it has no model of its own.
            if (view.Item is { Kind: RazorPage, Type: { } page })
            {
                ThrowIfOnMethodOf(page, "the page model");
                ThrowIfOnMethodOf(page.GetProperty("Model")?.PropertyType, "the page model");
            }
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = NeverTrimmed)]
    private void ThrowIfOnInterfaceOf(Type? type)
    {
        foreach (var contract in type?.GetInterfaces() ?? [])
        {
            ThrowIfOnMethodOf(contract, "the implementation");
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = NeverTrimmed)]
    private void ThrowIfOnMethodOf(Type? type, string rightPlace)
    {
        if (type is null || !_checked.Add(type))
        {
            return;
        }

        foreach (var method in type.GetMethods())
        {
            if (method.IsDefined(typeof(RequireMptcpAttribute), inherit: true))
            {
                throw new InvalidOperationException(
                    $"[RequireMptcp] has no effect on {type}.{method.Name}, and the method would be served over TCP. Put it on {rightPlace}.");
            }
        }
    }
}
