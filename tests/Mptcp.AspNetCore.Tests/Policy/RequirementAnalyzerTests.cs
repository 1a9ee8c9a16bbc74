using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Mptcp.AspNetCore.Analyzers;

namespace Mptcp.AspNetCore.Tests.Policy;

/// <summary>The warning about an attribute that has no effect, on whole applications.</summary>
public sealed class RequirementAnalyzerTests
{
    private const string Application = """
        using Microsoft.AspNetCore.Builder;
        using Microsoft.AspNetCore.Hosting;
        using Microsoft.AspNetCore.Mvc;
        using Microsoft.AspNetCore.SignalR;
        using Microsoft.Extensions.DependencyInjection;
        using Mptcp.AspNetCore;
        var builder = WebApplication.CreateBuilder();
        {0}
        var app = builder.Build();
        {1}
        app.Run();
        {2}
        """;

    [Theory]
    [InlineData("", "app.MapGet(\"/\", [RequireMptcp] () => 1);", "", true)]
    [InlineData("", "app.MapHub<H>(\"/\");", "[RequireMptcp] class H : Hub { }", true)]
    [InlineData("", "app.MapGet(\"/\", C.Get);", "class C { [RequireMptcp(\"x\")] public static int Get() => 1; }", true)]
    [InlineData("builder.WebHost.UseMptcp();", "app.MapGet(\"/\", [RequireMptcp] () => 1);", "", false)]
    [InlineData("builder.Services.AddMptcpPolicy(p => { });", "app.MapGet(\"/\", [RequireMptcp] () => 1);", "", false)]
    [InlineData("", "app.MapGet(\"/\", () => 1).RequireMptcp();", "", false)]
    [InlineData("", "", "[RequireMptcp] public class C : ControllerBase { [RequireMptcp] public int Get() => 1; }", false)]
    public async Task Analyze_Application_WarnsWhereTheAttributeHasNoEffect(string services, string endpoints, string types, bool warns)
    {
        var diagnostics = await AnalyzeAsync(Application.Replace("{0}", services, StringComparison.Ordinal).Replace("{1}", endpoints, StringComparison.Ordinal).Replace("{2}", types, StringComparison.Ordinal), OutputKind.ConsoleApplication);
        Assert.Equal(warns ? ["MPTCP001"] : [], diagnostics);
    }

    [Fact]
    public async Task Analyze_Library_DoesNotWarn() =>
        Assert.Empty(await AnalyzeAsync("public class C { [Mptcp.AspNetCore.RequireMptcp] public static int Get() => 1; }", OutputKind.DynamicallyLinkedLibrary));

    private static async Task<string[]> AnalyzeAsync(string source, OutputKind kind)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create("app", [CSharpSyntaxTree.ParseText(source)], references, new(kind));
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        var diagnostics = await compilation.WithAnalyzers([new RequirementAnalyzer()]).GetAnalyzerDiagnosticsAsync();
        return [.. diagnostics.Select(diagnostic => diagnostic.Id)];
    }
}
