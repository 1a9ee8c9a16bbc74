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
    // Fields that newer_mptcp_info.h defines for headers that are older.
    private static readonly string[] s_newerFields =
    [
        nameof(NativeMptcpInfo.mptcpi_retransmits), nameof(NativeMptcpInfo.mptcpi_bytes_retrans), nameof(NativeMptcpInfo.mptcpi_bytes_sent),
        nameof(NativeMptcpInfo.mptcpi_bytes_received), nameof(NativeMptcpInfo.mptcpi_bytes_acked), nameof(NativeMptcpInfo.mptcpi_subflows_total),
        nameof(NativeMptcpInfo.mptcpi_endp_laminar_max), nameof(NativeMptcpInfo.mptcpi_endp_fullmesh_max),
        nameof(NativeMptcpInfo.mptcpi_last_data_sent), nameof(NativeMptcpInfo.mptcpi_last_data_recv), nameof(NativeMptcpInfo.mptcpi_last_ack_recv),
    ];

    [Fact]
    public async Task NativeMptcpInfo_EveryField_HasTheOffsetAndSizeOfTheHeader()
    {
        Requires.Programs("gcc");
        var fields = typeof(NativeMptcpInfo).GetFields(BindingFlags.Public | BindingFlags.Instance);
        var missing = await FindMissingFieldsAsync(fields.Select(field => field.Name));

        // A field that neither the header nor our definition has would be one that we made up.
        Assert.Subset(new HashSet<string>(s_newerFields), missing);

        var expected = await RunCAsync(fields.Select(field =>
        {
            var type = missing.Contains(field.Name) ? "newer_mptcp_info" : "mptcp_info";
            return $"printf(\"{field.Name} %zu %zu\\n\", offsetof(struct {type}, {field.Name}), sizeof(((struct {type} *)0)->{field.Name}));";
        }));
        var actual = fields.Select(field =>
            $"{field.Name} {Marshal.OffsetOf<NativeMptcpInfo>(field.Name)} {Marshal.SizeOf(field.FieldType)}");
        Assert.Equal(expected, actual);
    }

    [Fact]
    public async Task NewerMptcpInfo_EveryFieldThatTheHeaderHasToo_IsWhereTheHeaderHasIt()
    {
        Requires.Programs("gcc");
        var missing = await FindMissingFieldsAsync(s_newerFields);
        foreach (var line in await RunCAsync(s_newerFields.Where(field => !missing.Contains(field)).Select(field =>
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
    [InlineData(typeof(Errno))]
    public async Task Constants_EachOne_HasTheValueOfTheHeader(Type type)
    {
        Requires.Programs("gcc");
        var constants = type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).ToArray();
        Assert.NotEmpty(constants);

        // What a header is too old for is given the value it has in the newest: only then does a name stay untested.
        string[] mayBeNewer = [nameof(LinuxConstants.TCP_IS_MPTCP), nameof(LinuxConstants.SOL_MPTCP), nameof(LinuxConstants.MPTCP_INFO)];
        var lines = new List<string>();
        foreach (var constant in constants)
        {
            var value = Convert.ToInt64(constant.GetRawConstantValue(), CultureInfo.InvariantCulture);
            if (mayBeNewer.Contains(constant.Name))
            {
                lines.Add($"#ifndef {constant.Name}\n#define {constant.Name} {value}\n#endif");
            }

            lines.Add($"printf(\"{constant.Name} %lld\\n\", (long long){constant.Name});");
        }

        Assert.Equal(
            await RunCAsync(lines),
            constants.Select(constant => $"{constant.Name} {Convert.ToInt64(constant.GetRawConstantValue(), CultureInfo.InvariantCulture)}"));
    }

    /// <summary>Asks the compiler which fields the system's struct does not have.</summary>
    private static async Task<HashSet<string>> FindMissingFieldsAsync(IEnumerable<string> fields)
    {
        var (result, _) = await CompileAsync(fields.Select(field => $"printf(\"%zu\\n\", offsetof(struct mptcp_info, {field}));"));
        return [.. MissingMember().Matches(result.Error).Select(match => match.Groups[1].Value)];
    }

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
        foreach (var header in new[] { "stddef.h", "stdio.h", "errno.h", "sys/socket.h", "netinet/in.h", "linux/tcp.h", "linux/mptcp.h" })
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
}
