using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Cli.Tests;

/// <summary>The script for bash, sourced by a real bash.</summary>
public sealed class CompletionTests(Scene scene)
{
    // As readline calls it for each line: the line up to the cursor, and its words.
    private const string Press = """
        source <(connectors completion bash)
        complete -p connectors > /dev/null || exit 3
        for line; do
          COMP_LINE=$line COMP_POINT=${#line}
          read -ra COMP_WORDS <<< "$line"
          [[ $line == *' ' ]] && COMP_WORDS+=('')
          COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
          _connectors
          echo "${COMPREPLY[*]}"
        done
        """;

    [Fact]
    public async Task Bash_completes_sub_commands_options_and_values()
    {
        (string Line, string Words)[] expected =
        [
            ("connectors ", "calls cancel completion dead delayed list migrate purge queue redrives result stats top up"),
            ("connectors re", "redrives result"),
            ("connectors dead ", "delete edit list redrive show"),
            ("connectors dead list q --r", "--reason"),
            ("connectors dead list q --reason ex", "exhausted expired"),
            ("connectors completion ", "bash fish zsh"),
            ("connectors purge q --y", "--yes"),
        ];

        Assert.Equal(expected.Select(e => e.Words), await CompleteAsync(scene.Operator, [.. expected.Select(e => e.Line)]));
    }

    [Fact]
    public async Task Bash_completes_the_names_of_queues()
    {
        var seed = await scene.SeedAsync();

        // A gateway that takes long to answer is not waited for: completion is not the place.
        await Eventually.HoldsAsync(async () => (await CompleteAsync(scene.Operator, "connectors stats "))[0].Split(' ').Contains(seed.Queue), "the queue is among them");
        await Eventually.HoldsAsync(async () => await CompleteAsync(scene.Operator, $"connectors dead list {seed.Queue[..^1]}") is [var one] && one == seed.Queue, "it is the only one");
    }

    [Fact]
    public async Task Without_a_gateway_there_are_no_queues_and_no_noise()
    {
        using var stranger = new Operator();
        stranger.Variables["OPENFAAS_URL"] = "http://127.0.0.1:1";

        Assert.Equal([""], await CompleteAsync(stranger, "connectors stats "));
    }

    [Fact]
    public async Task What_answers_as_the_gateway_has_no_say_in_what_the_shell_runs()
    {
        var made = $"ran{Guid.NewGuid():N}";
        var names = """[{"name":"$(touch${IFS}ran)"},{"name":"`touch ran`"},{"name":"good"}]""".Replace("ran", made, StringComparison.Ordinal);
        await using var other = await HttpLedger.StartAsync((_, http) => http.Response.WriteAsync(names));
        using var who = new Operator();
        who.Variables["OPENFAAS_URL"] = other.Url.AbsoluteUri;

        // One that takes long to answer is not waited for.
        await Eventually.HoldsAsync(async () => await CompleteAsync(who, "connectors stats ") is ["good"], "only the good name is offered");

        // The shell runs where the test does.
        Assert.False(File.Exists(made));
    }

    [Theory]
    [InlineData("zsh", "#compdef connectors")]
    [InlineData("fish", "complete -c connectors")]
    public async Task The_other_shells_have_scripts_too(string shell, string line) =>
        Assert.Contains(line, (await scene.RunAsync("completion", shell)).Succeeds().Out, StringComparison.Ordinal);

    // What is offered for each line.
    private static async Task<string[]> CompleteAsync(Operator who, params string[] lines)
    {
        await using var bash = who.Script(Press, lines);
        var ran = (await bash.EndAsync()).Succeeds();
        Assert.Empty(ran.Error);
        return ran.Out.TrimEnd('\n').Split('\n');
    }
}
