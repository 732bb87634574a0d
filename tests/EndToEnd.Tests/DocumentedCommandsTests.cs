using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>
/// What a page tells to type is typed, and shows what the page says: the lines of a text block stand in that order in the output of the commands before it,
/// with … for anything and a space for any run of spaces. What is typed in a second terminal runs on until something else is typed there, or the page ends.
/// Commands that build something are for others to test.
/// </summary>
public sealed partial class DocumentedCommandsTests(DocumentedSystem system) : IClassFixture<DocumentedSystem>
{
    private const string SecondTerminal = "# In a second terminal";
    private const string Failed = "\nended with ";

    private static readonly string[] ForOthers = ["./up", "./test", "./pack", "./bench", "dotnet run", "dotnet new", "dotnet tool", "docker "];

    public static IEnumerable<TheoryDataRow<string>> Pages() =>
        new[] { "README.md", "docs/tutorial.md" }
            .Concat(In("docs/how-to"))
            .Concat(Directory.EnumerateDirectories(Path.Combine(Tools.RepositoryRoot, "samples")).Select(folder => Path.GetRelativePath(Tools.RepositoryRoot, folder)).SelectMany(In))
            .Order(StringComparer.Ordinal)
            .Where(page => Blocks(page).Count > 0)
            .Select(page => new TheoryDataRow<string>(page));

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Commands_of_a_page_do_what_it_says(string page)
    {
        var pipeline = await system.StartedAsync();
        var letters = new Dictionary<string, string>();
        var pauses = new List<string>();
        ChildProcess? terminal = null;
        try
        {
            foreach (var (commands, shown) in Blocks(page))
            {
                var typed = await system.HereAsync(Letter().Replace(commands, letter => letters.GetValueOrDefault(letter.Value, letter.Value)), pipeline);
                var expected = await system.HereAsync(shown, pipeline);
                string Told(string seen) => $"{page} says that\n{typed}shows\n{expected}it shows\n{seen}\nThe second terminal shows:\n{terminal?.Tail()}\nThe worker wrote:\n{pipeline.Worker.Process.Tail()}";
                if (commands.StartsWith(SecondTerminal, StringComparison.Ordinal))
                {
                    await EndAsync(terminal);
                    var begun = terminal = Start("exec env " + typed[(typed.IndexOf('\n', StringComparison.Ordinal) + 1)..], pipeline);
                    await SeesAsync(Pattern(expected), () => Task.FromResult(Written(begun)), () => begun.HasExited, Told);
                    continue;
                }

                pauses.AddRange(Pause().Matches(typed).Select(pause => pause.Value));

                // What only looks is repeated until there is something to see, unless it waits for that by itself.
                var pattern = Pattern(expected, isLetters: commands.Contains("dead list", StringComparison.Ordinal));
                var output = await SeesAsync(pattern, () => TypeAsync(typed, pipeline), () => Changes().IsMatch(commands), Told);
                foreach (var letter in pattern.Match(output).Groups.Values.Where(group => group.Name.StartsWith("letter", StringComparison.Ordinal)))
                {
                    letters[letter.Name["letter".Length..]] = letter.Value;
                }
            }
        }
        finally
        {
            await EndAsync(terminal);

            // A page that is broken off leaves nothing paused to the next.
            foreach (var pause in pauses)
            {
                await TypeAsync(pause.Replace(" pause ", " resume ", StringComparison.Ordinal), pipeline);
            }
        }
    }

    private static async Task<string> SeesAsync(Regex pattern, Func<Task<string>> look, Func<bool> isOver, Func<string, string> told)
    {
        var seen = await look();
        bool Shows() => pattern.IsMatch(seen) && !seen.Contains(Failed, StringComparison.Ordinal);
        await Eventually.HoldsAsync(
            async () =>
            {
                seen = Shows() || isOver() ? seen : await look();
                return Shows() || isOver();
            },
            () => told(seen));
        Assert.True(Shows(), told(seen));
        return seen;
    }

    private static ChildProcess Start(string commands, Pipeline pipeline) => ChildProcess.Start(
        "bash",
        ["-ec", $"exec 2>&1\ncd '{Tools.RepositoryRoot}'\n{commands}"],
        new Dictionary<string, string>
        {
            ["OPENFAAS_URL"] = pipeline.Gateway.Api.ToString(),
            ["OPENFAAS_PASSWORD"] = "e2e",
            ["PATH"] = $"{Path.GetDirectoryName(Tools.Path("python"))}:{Environment.GetEnvironmentVariable("PATH")}",
        });

    private static async Task<string> TypeAsync(string commands, Pipeline pipeline)
    {
        await using var shell = Start(commands, pipeline);
        return await shell.ExitAsync() == 0 ? Written(shell) : $"{Written(shell)}{Failed}{shell.ExitCode}";
    }

    private static async Task EndAsync(ChildProcess? terminal)
    {
        if (terminal is not null)
        {
            await terminal.TerminateAsync();
            await terminal.DisposeAsync();
        }
    }

    private static string Written(ChildProcess shell) => string.Join('\n', shell.Lines.Select(line => line.TrimEnd())) + "\n";

    // The number of a dead letter is whichever the letter has here, and what is typed later means that letter.
    private static Regex Pattern(string shown, bool isLetters = false)
    {
        var lines = shown.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join("[ \t]+", line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(AsPattern)));
        return new Regex(string.Join(@"[\s\S]*?", lines));

        string AsPattern(string word, int place) =>
            isLetters && place == 0 && word.All(char.IsAsciiDigit) ? $"(?<letter{word}>[0-9]+)" : string.Join(".*?", word.Split('…').Select(Regex.Escape));
    }

    private static IReadOnlyList<(string Commands, string Shown)> Blocks(string page) =>
        [.. Block().Matches(File.ReadAllText(Path.Combine(Tools.RepositoryRoot, page)))
            .Select(block => (Commands: block.Groups["commands"].Value, Shown: block.Groups["shown"].Value))
            .Where(block => !ForOthers.Any(other => block.Commands.Contains(other, StringComparison.Ordinal)))];

    private static IEnumerable<string> In(string folder) =>
        Directory.Exists(Path.Combine(Tools.RepositoryRoot, folder))
            ? Directory.EnumerateFiles(Path.Combine(Tools.RepositoryRoot, folder), "*.md").Select(file => Path.GetRelativePath(Tools.RepositoryRoot, file))
            : [];

    [GeneratedRegex("^```sh\n(?<commands>(?:.*\n)*?)```$(?:\n+```text\n(?<shown>(?:.*\n)*?)```$)?", RegexOptions.Multiline)]
    private static partial Regex Block();

    // What waits has to show it at once, too.
    [GeneratedRegex(" -d |--data-binary| -X | redrive | edit | cancel | pause | resume | purge | delete |produce|kill | --wait")]
    private static partial Regex Changes();

    [GeneratedRegex(@"\./cli queue pause [a-z-]+(?: --function [a-z-]+)?")]
    private static partial Regex Pause();

    [GeneratedRegex("(?<=dead (?:show|edit|redrive|delete) [a-z-]+ )[0-9]+")]
    private static partial Regex Letter();
}
