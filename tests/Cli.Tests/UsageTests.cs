using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Cli.Tests;

/// <summary>What is asked for wrongly is told before any gateway is asked, with exit code 2.</summary>
public sealed class UsageTests : IDisposable
{
    private static readonly System.CommandLine.RootCommand Root = CommandTree.Create();

    private readonly Operator _operator = new();

    [Theory]
    [InlineData("", "See connectors --help")]
    [InlineData("nosuch", "'nosuch'")]
    [InlineData("dead", "See connectors dead --help")]
    [InlineData("stats", "'QUEUE' missing")]
    [InlineData("stats UPPER", "\"UPPER\" is no queue's name")]
    [InlineData("stats ../x", "\"../x\" is no queue's name")]
    [InlineData("list --nosuch", "'--nosuch'")]
    [InlineData("list @file", "'@file'")]
    [InlineData("dead show q", "'SEQ' missing")]
    [InlineData("dead show q x", "\"x\" is no dead letter's number")]
    [InlineData("dead show q 1 2", "'2'")]
    [InlineData("dead list q --limit 0", "--limit: \"0\"")]
    [InlineData("dead list q --after last", "\"last\" is no dead letter's number")]
    [InlineData("dead list q --limit many", "--limit: \"many\"")]
    [InlineData("dead redrive q --rate 0 --yes", "--rate: \"0\"")]
    [InlineData("dead redrive q --rate fast --yes", "--rate: \"fast\"")]
    [InlineData("dead redrive q --rate 0.000000000001 --yes", "--rate: \"0.000000000001\"")]
    [InlineData("dead list q --since 9999999d", "--since: \"9999999d\"")]
    [InlineData("dead delete q --all --since 1764320400 --yes", "2025-11-28T09:00:00Z")]
    [InlineData("dead delete q --all --until 20261128 --yes", "--until: \"20261128\"")]
    [InlineData("dead list q --since 1000000", "--since: \"1000000\"")]
    [InlineData("calls list --since 05/06/2026", "--since: \"05/06/2026\"")]
    [InlineData("calls cancel --since 10:30 --yes", "--since: \"10:30\"")]
    [InlineData("calls cancel --until 2026-11-28T09:00:00 --yes", "--until: \"2026-11-28T09:00:00\"")]
    [InlineData("calls list --until 2026-02-30", "--until: \"2026-02-30\"")]
    [InlineData("dead redrive q --rate 0,5 --yes", "--rate: \"0,5\"")]
    [InlineData("dead redrive q --rate", "--rate")]
    [InlineData("dead redrive q 1 --reason failed --yes", "Either numbers")]
    [InlineData("dead redrive q 1 0", "\"0\" is no dead letter's number")]
    [InlineData("dead delete q --yes", "--all")]
    [InlineData("dead delete q 1 --all --yes", "--all")]
    [InlineData("dead delete q 1 --reason failed --yes", "--all")]
    [InlineData("redrives show q 123", "\"123\" is no redrive's id")]
    [InlineData("cancel", "'CALL-ID' missing")]
    [InlineData("cancel fine ..", "\"..\" is no call's id")]
    [InlineData("queue pause q --function ..", "\"..\" is no function's name")]
    [InlineData("queue resume q --function .", "\".\" is no function's name")]
    [InlineData("completion tcsh", "'bash' 'zsh' 'fish'")]
    public async Task Bad_usage_is_one_line_and_exit_code_2(string arguments, string words) => (await RunHereAsync(arguments)).Fails(2, words);

    // As $FUNCTION is where nobody has set it.
    [Theory]
    [InlineData("dead list q", "--function", "--reason", "--tag", "--since", "--until")]
    [InlineData("dead redrive q --yes", "--function", "--reason", "--tag", "--since", "--until")]
    [InlineData("dead delete q --all --yes", "--function", "--reason", "--tag", "--since", "--until")]
    [InlineData("calls list", "--function", "--queue", "--state", "--tag", "--since", "--until", "--after")]
    [InlineData("calls show some-id", "--function", "--queue")]
    [InlineData("calls cancel --yes", "--function", "--queue", "--state", "--tag", "--since", "--until")]
    [InlineData("purge q --yes", "--function")]
    [InlineData("delayed q", "--function")]
    [InlineData("queue pause q", "--function")]
    [InlineData("queue resume q", "--function")]
    [InlineData("dead edit q 1", "--function")]
    public async Task A_filter_that_is_there_and_empty_does_not_mean_everything(string command, params string[] options)
    {
        foreach (var option in options)
        {
            (await RunHereAsync([.. command.Split(' '), option, ""])).Fails(2, $"{option}: \"\" is");
            (await RunHereAsync([.. command.Split(' '), option, " "])).Fails(2, $"{option}: \"");
        }
    }

    [Fact]
    public void An_empty_path_is_told_as_one()
    {
        var told = 0;
        foreach (var (words, command) in Commands([], Root))
        {
            var paths = command.Options.Where(option => option.HelpName is "FILE" or "FOLDER" or "DIRECTORY").Select(option => option.Name);
            foreach (var path in paths)
            {
                Assert.Contains(Root.Parse([.. words, path, ""]).Errors, error => error.Message == $"{path}: \"\" names no file and no folder.");
                told++;
            }
        }

        Assert.Contains(Root.Parse(["migrate", ""]).Errors, error => error.Message == "VALUES: \"\" names no file and no folder.");
        Assert.InRange(told, 8, 100);

        static IEnumerable<(IReadOnlyList<string> Words, System.CommandLine.Command Command)> Commands(IReadOnlyList<string> words, System.CommandLine.Command command) =>
            command.Subcommands.SelectMany(sub => Commands([.. words, sub.Name], sub)).Prepend((words, command));
    }

    [Theory]
    [InlineData("dead lst", "'lst'")]
    [InlineData("list --gateway example.com", "\"example.com\" is no address")]
    [InlineData("list --gateway http://a:b@example.com", "without user")]
    [InlineData("list --user me", "--user needs --password-file")]
    [InlineData("list --password-file /nosuch/file", "/nosuch/file")]
    [InlineData("list --password-file /dev/null --password-stdin", "not both")]
    public async Task So_it_is_for_the_process(string arguments, string words) =>
        (await _operator.RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Fails(2, words);

    [Fact]
    public async Task A_bad_address_in_the_environment_is_named_as_such()
    {
        _operator.Variables["OPENFAAS_URL"] = "nonsense";

        (await _operator.RunAsync("list")).Fails(2, "OPENFAAS_URL: \"nonsense\"");
    }

    [Theory]
    [InlineData("--help", "list", "stats <QUEUE>", "purge <QUEUE>", "dead", "redrives", "cancel <CALL-ID>", "result <CALL-ID>", "--gateway <URL>", "--json", "Exit code 0")]
    [InlineData("dead --help", "list <QUEUE>", "show <QUEUE> <SEQ>", "redrive <QUEUE>", "delete <QUEUE>")]
    [InlineData("queue pause --help", "Only this function in it, not the whole queue")]
    [InlineData("dead redrive -h", "--rate <PER-SECOND>", "--no-wait", "--yes", "--function <NAME>", "--reason <REASON>", "OPENFAAS_URL")]
    public async Task Help_is_there_for_each_sub_command(string arguments, params string[] words)
    {
        var help = (await RunHereAsync(arguments)).Succeeds();

        Assert.All(words, word => Assert.Contains(word, help.Out, StringComparison.Ordinal));
    }

    // JSON of another service, or of another version of ours.
    [Theory]
    [InlineData("{\"status\":\"ok\"}")]
    [InlineData("[{\"id\":1}]")]
    [InlineData("[1]")]
    [InlineData("\"yes\"")]
    [InlineData("{\"items\":[{}],\"count\":{}}")]
    [InlineData("{\"items\":[],\"items\":[]}")]
    [InlineData("[{\"name\":\"\\ud83d\"}]")]
    public async Task An_answer_of_another_shape_is_told_in_one_line(string json)
    {
        await using var other = await HttpLedger.StartAsync(async (_, http) =>
        {
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync(json);
        });
        var told = 0;
        foreach (var command in new[] { "list", "stats q", "dead list q", "dead delete q --all --dry-run", "calls list", "calls cancel --all --dry-run", "calls show one", "purge q --yes", $"redrives show q {Guid.NewGuid():N}" })
        {
            var ran = await RunHereAsync($"{command} --gateway {other.Url}");
            Assert.True(ran.ExitCode is 0 or 1, $"{command}: {ran.ExitCode} {ran.Error}");
            Assert.InRange(ran.Error.Count(c => c == '\n'), 0, 1);
            told += ran.Error.Contains("is it a gateway of Connectors?", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.True(told > 0);
    }

    [Fact]
    public async Task A_fault_of_the_commands_own_is_not_told_as_the_gateways()
    {
        var broken = new System.CommandLine.Command("broken");
        broken.Does((_, _) => throw new InvalidOperationException("ours"));
        var root = new System.CommandLine.RootCommand { broken };
        SharedOptions.AddTo(root);

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => CommandLine.RunAsync(root, ["broken"], TextWriter.Null, TextWriter.Null));

        Assert.Equal("ours", fault.Message);
    }

    public void Dispose() => _operator.Dispose();

    // In this process: what is told before anything else is looked at needs none of its own.
    private static Task<Ran> RunHereAsync(string arguments) => RunHereAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static async Task<Ran> RunHereAsync(string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(Root, arguments, output, error);
        return new Ran(exitCode, System.Text.Encoding.UTF8.GetBytes(output.ToString()), error.ToString());
    }
}
