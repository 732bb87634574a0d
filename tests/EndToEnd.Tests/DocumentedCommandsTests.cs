using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>
/// What a page tells to type is typed, and shows what the page says: each line of a text block stands in the output of the commands before it,
/// with … for anything and a space for any run of spaces. Commands that start or build something are for others to test.
/// </summary>
public sealed partial class DocumentedCommandsTests
{
    private static readonly string[] ForOthers = ["./up", "./test", "./pack", "./bench", "dotnet "];

    [Theory]
    [InlineData("README.md", "samples/functions/functions.yaml")]
    [InlineData("docs/tutorial.md", "samples/functions/functions.yaml")]
    [InlineData("samples/pipeline/README.md", "samples/pipeline/functions.yaml")]
    public async Task Commands_of_a_page_do_what_it_says(string page, string functions)
    {
        // As a user of their own, functions could not start a Python that only ours may.
        await using var pipeline = await Pipeline.StartAsync(
            stack: Path.Combine(Tools.RepositoryRoot, functions),
            gateway: new Dictionary<string, string> { ["PYTHON"] = Tools.Path("python"), ["function_isolation"] = "none" });
        var blocks = Block().Matches(await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, page)))
            .Select(block => (Commands: block.Groups["commands"].Value, Shown: block.Groups["shown"].Value))
            .Where(block => !ForOthers.Any(other => block.Commands.Contains(other, StringComparison.Ordinal)))
            .ToList();

        Assert.NotEmpty(blocks);
        foreach (var (commands, shown) in blocks)
        {
            var patterns = shown.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(AsPattern).ToList();
            bool IsShown(string output) => patterns.All(pattern => Regex.IsMatch(output, pattern));
            var typed = commands.Replace("127.0.0.1:8080", pipeline.Gateway.Api.Authority, StringComparison.Ordinal);
            var output = await TypeAsync(typed, pipeline);

            // What only looks is repeated until there is something to see.
            if (!commands.Contains(" -d ", StringComparison.Ordinal) && !commands.Contains("redrive", StringComparison.Ordinal))
            {
                await Eventually.HoldsAsync(
                    async () => IsShown(output) || IsShown(output = await TypeAsync(typed, pipeline)),
                    () => $"{page} says that\n{commands}shows\n{shown}it shows\n{output}\nThe worker wrote:\n{pipeline.Worker.Process.Tail()}");
            }

            Assert.True(IsShown(output), $"{page} says that\n{commands}shows\n{shown}but it shows\n{output}");
        }
    }

    private static async Task<string> TypeAsync(string commands, Pipeline pipeline)
    {
        await using var shell = ChildProcess.Start(
            "bash",
            ["-ec", $"cd '{Tools.RepositoryRoot}'\n{commands}"],
            new Dictionary<string, string> { ["OPENFAAS_URL"] = pipeline.Gateway.Api.ToString(), ["OPENFAAS_PASSWORD"] = "e2e" });
        Assert.True(await shell.ExitAsync() == 0, $"{commands}\nended with {shell.ExitCode}:\n{shell.Tail()}");
        return string.Join('\n', shell.Lines.Select(line => line.TrimEnd())) + "\n";
    }

    private static string AsPattern(string line) => string.Join(@"\s+", line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word == "…" ? ".*?" : Regex.Escape(word)));

    [GeneratedRegex("^```sh\n(?<commands>(?:.*\n)*?)```$(?:\n+```text\n(?<shown>(?:.*\n)*?)```$)?", RegexOptions.Multiline)]
    private static partial Regex Block();
}
