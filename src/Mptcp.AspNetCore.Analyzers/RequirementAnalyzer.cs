using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Mptcp.AspNetCore.Analyzers;

/// <summary>
/// Warns about <c>[RequireMptcp]</c> on minimal API handlers, hubs and gRPC services of an application that calls neither <c>UseMptcp</c> nor
/// <c>AddMptcpPolicy</c>: without these, no code of the library runs, and the attribute has no effect. On controllers and page models it is an MVC
/// filter and needs no registration.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class RequirementAnalyzer : DiagnosticAnalyzer
{
    /// <summary>The rule.</summary>
    public static readonly DiagnosticDescriptor Rule = new(
        "MPTCP001",
        "The requirement has no effect",
        "[RequireMptcp] has no effect unless another project calls UseMptcp or AddMptcpPolicy, because this one calls neither: call builder.WebHost.UseMptcp()",
        "Security",
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        customTags: WellKnownDiagnosticTags.CompilationEnd);

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => ImmutableArray.Create(Rule);

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterCompilationStartAction(Start);
    }

    private static void Start(CompilationStartAnalysisContext context)
    {
        // A library can't know what the application calls.
        var compilation = context.Compilation;
        if (compilation.Options.OutputKind is not (OutputKind.ConsoleApplication or OutputKind.WindowsApplication)
            || compilation.GetTypeByMetadataName("Mptcp.AspNetCore.RequireMptcpAttribute") is not { } attribute)
        {
            return;
        }

        INamedTypeSymbol?[] mvc =
        [
            compilation.GetTypeByMetadataName("Microsoft.AspNetCore.Mvc.ControllerBase"),
            compilation.GetTypeByMetadataName("Microsoft.AspNetCore.Mvc.RazorPages.PageModel"),
        ];
        var uses = new ConcurrentBag<Location>();
        var registrations = 0;
        context.RegisterOperationAction(
            operation =>
            {
                var method = ((IInvocationOperation)operation.Operation).TargetMethod;
                if ((method.ContainingType?.Name, method.Name) is ("WebHostBuilderMptcpExtensions", "UseMptcp") or ("ServiceCollectionMptcpExtensions", "AddMptcpPolicy"))
                {
                    Interlocked.Increment(ref registrations);
                }
            },
            OperationKind.Invocation);
        context.RegisterSyntaxNodeAction(
            node =>
            {
                if (SymbolEqualityComparer.Default.Equals(node.SemanticModel.GetTypeInfo(node.Node).Type, attribute) && !IsMvc(node, mvc))
                {
                    uses.Add(node.Node.GetLocation());
                }
            },
            SyntaxKind.Attribute);
        context.RegisterCompilationEndAction(end =>
        {
            if (registrations == 0)
            {
                foreach (var location in uses)
                {
                    end.ReportDiagnostic(Diagnostic.Create(Rule, location));
                }
            }
        });
    }

    /// <summary>Whether the attribute is on a controller, a page model, or a method of one.</summary>
    private static bool IsMvc(SyntaxNodeAnalysisContext node, INamedTypeSymbol?[] mvc)
    {
        if (node.Node.Parent?.Parent is not (TypeDeclarationSyntax or MethodDeclarationSyntax)
            || node.Node.FirstAncestorOrSelf<TypeDeclarationSyntax>() is not { } declaration)
        {
            return false;
        }

        for (var type = node.SemanticModel.GetDeclaredSymbol(declaration)?.BaseType; type is not null; type = type.BaseType)
        {
            foreach (var known in mvc)
            {
                if (SymbolEqualityComparer.Default.Equals(type, known))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
