using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Mptcp.Sockets.Interop;
using Mptcp.TestNetwork;
using Mptcp.Tests;

namespace Mptcp.Sockets.Tests;

/// <summary>Compares our structs and numbers with a C program that is compiled against the headers of this system.</summary>
public sealed partial class AbiTests
{
    public static TheoryData<Type, string> Structs => new()
    {
        { typeof(NativeMptcpInfo), "mptcp_info" },
        { typeof(NativeTcpInfo), "tcp_info" },
        { typeof(NativeSubflowData), "mptcp_subflow_data" },
        { typeof(NativeSubflowAddresses), "mptcp_subflow_addrs" },
        { typeof(NativeSubflowInfo), "mptcp_subflow_info" },
        { typeof(NativeFullInfo), "mptcp_full_info" },
    };

    // Names that a header may be too old for: they are macros and enumerators, so the compiler is asked and not the preprocessor.
    private static readonly string[] s_newerNames =
    [
        nameof(LinuxConstants.TCP_IS_MPTCP), nameof(LinuxConstants.SOL_MPTCP), nameof(LinuxConstants.MPTCP_INFO),
        nameof(LinuxConstants.MPTCP_FULL_INFO),
        nameof(NetlinkConstants.MPTCP_ATTR_RESET_REASON), nameof(NetlinkConstants.MPTCP_ATTR_RESET_FLAGS),
        nameof(NetlinkConstants.MPTCP_ATTR_SERVER_SIDE), nameof(NetlinkConstants.MPTCP_PM_EV_FLAG_SERVER_SIDE),
    ];

    [Theory]
    [MemberData(nameof(Structs))]
    public async Task NativeStruct_EveryField_HasTheOffsetAndSizeOfTheHeader(Type type, string name)
    {
        Requires.Programs("gcc");
        var fields = type.GetFields(BindingFlags.Public | BindingFlags.Instance);
        var missing = await FindMissingFieldsAsync(name, fields.Select(field => field.Name));

        // A field that neither the header nor our definition has would be one that we made up: it does not compile below.
        var expected = await RunCAsync(fields.Select(field =>
        {
            var holder = missing.Contains(field.Name) ? $"newer_{name}" : name;
            return $"printf(\"{field.Name} %zu %zu\\n\", offsetof(struct {holder}, {field.Name}), sizeof(((struct {holder} *)0)->{field.Name}));";
        }));
        Assert.Equal(expected, fields.Select(field => $"{field.Name} {Marshal.OffsetOf(type, field.Name)} {SizeOf(field.FieldType)}"));
    }

    [Fact]
    public async Task NewerMptcpInfo_EveryFieldThatTheHeaderHasToo_IsWhereTheHeaderHasIt()
    {
        Requires.Programs("gcc");
        var newer = typeof(NativeMptcpInfo).GetFields(BindingFlags.Public | BindingFlags.Instance).Select(field => field.Name)
            .SkipWhile(field => field != nameof(NativeMptcpInfo.mptcpi_retransmits)).ToArray();
        var missing = await FindMissingFieldsAsync("mptcp_info", newer);

        // The first newer field begins where the oldest struct ends.
        var seam = await RunCAsync(
            ["printf(\"%zu %zu\\n\", offsetof(struct mptcp_info, mptcpi_csum_enabled) + 1, sizeof(((struct newer_mptcp_info *)0)->as_in_linux_5_14));"]);
        Assert.Equal("43 43", Assert.Single(seam));
        foreach (var line in await RunCAsync(newer.Where(field => !missing.Contains(field)).Select(field =>
            $"printf(\"{field} %zu %zu\\n\", offsetof(struct mptcp_info, {field}), offsetof(struct newer_mptcp_info, {field}));")))
        {
            var parts = line.Split(' ');
            Assert.Equal(parts[1], parts[2]);
        }
    }

    [Fact]
    public async Task NativeMptcpInfo_Size_IsThatOfTheNewestKernelAndNoSmallerThanTheHeader()
    {
        Requires.Programs("gcc");
        var sizes = await RunCAsync(
            ["printf(\"%zu\\n\", sizeof(struct newer_mptcp_info));", "printf(\"%zu\\n\", sizeof(struct mptcp_info));"]);
        Assert.Equal(Marshal.SizeOf<NativeMptcpInfo>(), int.Parse(sizes[0], CultureInfo.InvariantCulture));
        Assert.InRange(int.Parse(sizes[1], CultureInfo.InvariantCulture), 48, Marshal.SizeOf<NativeMptcpInfo>());
        Assert.Equal(NativeMptcpInfo.SizeLinux6_10, Marshal.SizeOf<NativeMptcpInfo>());
    }

    [Theory]
    [InlineData(typeof(LinuxConstants))]
    [InlineData(typeof(NetlinkConstants))]
    [InlineData(typeof(Errno))]
    public async Task Constants_EachOne_HasTheValueOfTheHeader(Type type)
    {
        Requires.Programs("gcc");
        var constants = type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).ToArray();
        Assert.NotEmpty(constants);

        var missing = await FindMissingNamesAsync(constants.Select(constant => constant.Name));
        Assert.Subset(new HashSet<string>(s_newerNames), missing);

        var present = constants.Where(constant => !missing.Contains(constant.Name)).ToArray();
        Assert.Equal(
            await RunCAsync(present.Select(constant => constant.FieldType == typeof(string)
                ? $"printf(\"{constant.Name} %s\\n\", {constant.Name});"
                : $"printf(\"{constant.Name} %lld\\n\", (long long){constant.Name});")),
            present.Select(constant => string.Create(CultureInfo.InvariantCulture, $"{constant.Name} {constant.GetRawConstantValue()}")));
    }

    [Fact]
    public async Task MptcpResetReason_EachOne_HasTheValueOfTheHeader()
    {
        Requires.Programs("gcc");
        string[] names =
        [
            "MPTCP_RST_EUNSPEC", "MPTCP_RST_EMPTCP", "MPTCP_RST_ERESOURCE", "MPTCP_RST_EPROHIBIT", "MPTCP_RST_EWQ2BIG",
            "MPTCP_RST_EBADPERF", "MPTCP_RST_EMIDDLEBOX",
        ];
        Assert.Equal(
            await RunCAsync(names.Select(name => $"printf(\"%d\\n\", {name});")),
            Enum.GetValues<MptcpResetReason>().Select(reason => $"{(int)reason}"));
    }

    /// <summary>Asks the compiler which names the system's headers do not have.</summary>
    private static async Task<HashSet<string>> FindMissingNamesAsync(IEnumerable<string> names)
    {
        var (result, _) = await CompileAsync(names.Select(name => $"(void){name};"));
        return [.. UndeclaredName().Matches(result.Error).Select(match => match.Groups[1].Value)];
    }

    /// <summary>Asks the compiler which fields the system's struct does not have: all, when it does not have the struct.</summary>
    private static async Task<HashSet<string>> FindMissingFieldsAsync(string name, IEnumerable<string> fields)
    {
        var (result, _) = await CompileAsync(fields.Select(field => $"printf(\"%zu\\n\", offsetof(struct {name}, {field}));"));
        return result.Error.Contains($"undefined type 'struct {name}'", StringComparison.Ordinal)
            ? [.. fields]
            : [.. MissingMember().Matches(result.Error).Select(match => match.Groups[1].Value)];
    }

    /// <summary>Marshal.SizeOf knows no inline arrays.</summary>
    private static int SizeOf(Type type) =>
        type == typeof(NativeSocketAddress) ? NativeSocketAddress.Size : Marshal.SizeOf(type);

    private static async Task<string[]> RunCAsync(IEnumerable<string> statements)
    {
        var (result, program) = await CompileAsync(statements);
        Assert.True(result.ExitCode == 0, result.ToString());
        return (await Command.RunCheckedAsync(program)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static async Task<(CommandResult Result, string Program)> CompileAsync(IEnumerable<string> statements)
    {
        var folder = Directory.CreateTempSubdirectory("mptcp-abi").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var source = new StringBuilder();
        foreach (var header in new[] { "stddef.h", "stdio.h", "errno.h", "fcntl.h", "sys/socket.h", "netinet/in.h", "linux/tcp.h", "linux/mptcp.h", "linux/genetlink.h" })
        {
            source.Append(CultureInfo.InvariantCulture, $"#include <{header}>\n");
        }

        source.Append("#include \"newer_mptcp_info.h\"\n#ifndef SOL_TCP\n#define SOL_TCP IPPROTO_TCP\n#endif\nint main(void)\n{\n")
            .AppendJoin('\n', statements).Append("\nreturn 0;\n}\n");
        await File.WriteAllTextAsync($"{folder}/abi.c", source.ToString());
        var headers = Path.Combine(AppContext.BaseDirectory, "Abi");
        return (await Command.RunAsync("gcc", ["-D_GNU_SOURCE", "-I", headers, "-o", $"{folder}/abi", $"{folder}/abi.c"], new Dictionary<string, string> { ["LC_ALL"] = "C" }), $"{folder}/abi");
    }

    [GeneratedRegex("has no member named '([a-z_0-9]+)'")]
    private static partial Regex MissingMember();

    [GeneratedRegex("'([A-Za-z_0-9]+)' undeclared")]
    private static partial Regex UndeclaredName();
}
