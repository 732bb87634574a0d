using System.Text.RegularExpressions;
using Connectors.Testing;

namespace Connectors.Charts.Tests;

/// <summary>The <c>helm upgrade</c> commands of the pages and READMEs: what they name is there, and what an earlier one set is not lost by a later one.</summary>
public sealed partial class DocumentedHelmTests
{
    private static readonly string[] Pages =
        [.. new[] { "docs", "charts", "samples" }.SelectMany(folder => Directory.GetFiles(Path.Combine(Tools.RepositoryRoot, folder), "*.md", SearchOption.AllDirectories)), Path.Combine(Tools.RepositoryRoot, "README.md")];

    /// <summary>Page and command, each once.</summary>
    public static TheoryData<string, string> Commands => new(
        Pages.SelectMany(page => Upgrade().Matches(File.ReadAllText(page)).Select(match => (Path.GetRelativePath(Tools.RepositoryRoot, page), match.Value.Replace("\\\n", " ", StringComparison.Ordinal).Trim()))).Distinct());

    [Fact]
    public void There_are_commands_of_both_kinds()
    {
        var commands = Commands.Select(row => row.Data.Item2).ToList();

        Assert.Contains(commands, Installs);
        Assert.Contains(commands, command => !Installs(command));
    }

    [Theory, MemberData(nameof(Commands))]
    public async Task A_command_goes_to_the_namespace_of_the_others_keeps_what_was_set_and_renders(string page, string command)
    {
        Assert.Contains("--namespace openfaas", command, StringComparison.Ordinal);
        var (release, chart, values) = Parts(command);
        if (Installs(command))
        {
            Assert.NotEmpty(await Helm.TemplateAsync(chart, release, needed: false, values));
            return;
        }

        Assert.True(command.Contains("--reuse-values", StringComparison.Ordinal), $"{page}: without --reuse-values what was set at the install is gone");
        var installed = Parts(Commands.Select(row => row.Data).Single(row => row.Item1 == Path.Combine("docs", "kubernetes.md") && row.Item2.StartsWith($"helm upgrade --install {release} ", StringComparison.Ordinal)).Item2);
        var given = (await EnvironmentAsync(chart, release, installed.Values)).Except(await EnvironmentAsync(chart, release, [])).ToList();
        var after = await EnvironmentAsync(chart, release, [.. installed.Values, .. values]);

        Assert.NotEmpty(given);
        Assert.Empty(given.Except(after));
    }

    private static async Task<IReadOnlyDictionary<string, string>> EnvironmentAsync(string chart, string release, string[] values) =>
        (await Helm.TemplateAsync(chart, release, needed: false, values)).Single(m => m.Kind == "Deployment" && m.Name != "nats").Environment;

    private static bool Installs(string command) => command.Contains("--install", StringComparison.Ordinal);

    private static (string Release, string Chart, string[] Values) Parts(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var plain = words.Skip(2).Where((word, i) => !word.StartsWith('-') && words[i + 1] is not ("--set" or "--namespace")).ToList();
        return (plain[0], plain[1]["charts/".Length..], [.. words.Where((_, i) => i > 0 && words[i - 1] == "--set").Select(value => value.Trim('\''))]);
    }

    [GeneratedRegex(@"helm upgrade (?:--install )?[a-z-]+ charts/(?:\\\n|[^`\n#])*")]
    private static partial Regex Upgrade();
}
