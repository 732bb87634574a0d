using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Connectors.Testing;

namespace Connectors.Packages.Tests;

/// <summary>What a stranger does with the packages, from the folder that ./pack makes.</summary>
public sealed partial class PackageTests(Packed packed) : IClassFixture<Packed>
{
    private static readonly string[] Libraries = ["Connectors.Client", "Connectors.Sdk", "Connectors.Sdk.Testing"];

    [Fact]
    public void Packages_tell_version_licence_readme_and_icon_and_libraries_bring_documentation_and_symbols()
    {
        Assert.Equal(
            Libraries.Concat(["Connectors", "Connectors.Templates"]).Select(id => $"{id}.{Packed.Version}.nupkg").Order(),
            Directory.GetFiles(packed.Feed, "*.nupkg").Select(Path.GetFileName).Order()!);
        foreach (var file in Directory.GetFiles(packed.Feed, "*.nupkg"))
        {
            using var package = ZipFile.OpenRead(file);
            using var stream = package.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
            var told = XDocument.Load(stream).Descendants().ToLookup(element => element.Name.LocalName, element => element.Value);
            Assert.Equal((Packed.Version, "MIT", "README.md", "icon.png"), (told["version"].Single(), told["license"].Single(), told["readme"].Single(), told["icon"].Single()));
            Assert.NotEmpty(told["description"].Single());
            Assert.All(["README.md", "icon.png"], name => Assert.NotNull(package.GetEntry(name)));
        }

        foreach (var library in Libraries)
        {
            using var package = ZipFile.OpenRead(Path.Combine(packed.Feed, $"{library}.{Packed.Version}.nupkg"));
            Assert.NotNull(package.GetEntry($"lib/net10.0/{library}.xml"));
            using var symbols = ZipFile.OpenRead(Path.Combine(packed.Feed, $"{library}.{Packed.Version}.snupkg"));
            Assert.NotNull(symbols.GetEntry($"lib/net10.0/{library}.pdb"));
        }
    }

    [Fact]
    public async Task The_command_is_installed_as_a_tool_and_tells_its_version()
    {
        await packed.DotnetAsync("tool", "install", "connectors", "--tool-path", packed.In("tools"), "--configfile", packed.In("nuget.config"));

        Assert.Equal(Packed.Version, (await packed.RunAsync(packed.In("tools", "connectors"), "--version")).Trim());
    }

    [Fact]
    public async Task A_connector_made_with_the_template_and_changed_as_the_guide_says_passes_the_contract_and_delivers_to_a_gateway()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Tools.RepositoryRoot, "docs", "writing-a-connector.md"));
        await packed.NewAsync("connectors-source", "Acme.Inbox");
        var edit = Edit().Match(page);
        var source = packed.In("Acme.Inbox", "Acme.Inbox", edit.Groups["file"].Value);
        await ReplaceLineAsync(source, edit.Groups["line"].Value);
        await packed.DotnetAsync("build", packed.In("Acme.Inbox", "Acme.Inbox.Tests"), "-c", "Release", "-v", "q");

        var suite = await packed.DotnetAsync(packed.In("Acme.Inbox", "Acme.Inbox.Tests", "bin", "Release", "net10.0", "Acme.Inbox.Tests.dll"), "--no-ansi", "--progress", "off");
        Assert.Matches(NoneFailed(), suite);

        await using var nats = await NatsServer.StartAsync();
        await using var function = await HttpLedger.StartAsync();
        await using var gateway = await OwnGateway.StartAsync(nats, "receiver", function.Url, new Dictionary<string, string> { ["topic"] = "files" });
        var folder = Directory.CreateDirectory(packed.In("dropped")).FullName;
        await using var connector = ChildProcess.Start(
            "dotnet",
            [packed.In("Acme.Inbox", "Acme.Inbox", "bin", "Release", "net10.0", "Acme.Inbox.dll")],
            new Dictionary<string, string>
            {
                ["folder"] = folder,
                ["gateway_url"] = gateway.Url.ToString(),
                ["basic_auth"] = "true",
                ["secret_mount_path"] = gateway.Secrets,
                ["metrics_port"] = "0",
            });
        await File.WriteAllTextAsync(Path.Combine(folder, ".first"), "hello");
        File.Move(Path.Combine(folder, ".first"), Path.Combine(folder, "first"));

        await function.ReceivesAsync(1);
        var request = function.Requests.First();
        Assert.Equal(("hello", "first", "5"), (request.Text, request.Header("X-File-Name"), request.Header("X-File-Size")));
        Assert.Equal(0, await connector.TerminateAsync());
    }

    [Fact]
    public async Task A_function_made_with_the_template_is_deployed_by_its_own_stack_file_and_answers()
    {
        await packed.NewAsync("connectors-function", "Acme.Greeter");
        await packed.DotnetAsync("publish", packed.In("Acme.Greeter"), "-v", "q", "-o", packed.In("Acme.Greeter", "publish"));
        await using var gateway = await ServiceProcess.StartAsync("Gateway", new Dictionary<string, string>
        {
            ["functions_path"] = packed.In("Acme.Greeter", "functions.yaml"),
            ["data_path"] = packed.In("data"),
            ["secret_mount_path"] = Directory.CreateDirectory(packed.In("secrets")).FullName,
        });
        using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = gateway.Api };

        using var answer = await http.PostAsync("/function/greeter", new StringContent("world", new MediaTypeHeaderValue("text/plain")));
        Assert.Equal("Hello, world\n", await answer.Content.ReadAsStringAsync());
    }

    // The line that begins as the new one does, up to its equals sign.
    private static async Task ReplaceLineAsync(string file, string line)
    {
        var lines = await File.ReadAllLinesAsync(file);
        var begin = line[..(line.IndexOf('=', StringComparison.Ordinal) + 1)].Trim();
        var index = Array.FindIndex(lines, l => l.Trim().StartsWith(begin, StringComparison.Ordinal));
        Assert.True(index >= 0, $"{file} has no line that begins with {begin}");
        lines[index] = line;
        await File.WriteAllLinesAsync(file, lines);
    }

    [GeneratedRegex("^```csharp edit=(?<file>\\S+)\\n(?<line>.*)\\n```$", RegexOptions.Multiline)]
    private static partial Regex Edit();

    [GeneratedRegex("^  failed: 0$", RegexOptions.Multiline)]
    private static partial Regex NoneFailed();
}
