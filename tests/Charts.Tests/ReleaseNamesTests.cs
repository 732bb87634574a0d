using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>Whatever Helm lets a release, and Flux a chart's version, be called, names and labels are such as a cluster takes.</summary>
public sealed partial class ReleaseNamesTests
{
    public static TheoryData<string> Charts => RenderingTests.Charts;

    public static TheoryData<string, string> Releases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var chart in Charts.Select(row => row.Data))
            {
                foreach (var release in new[] { "3d-render", "a.b", "7", new string('x', 53), $"9.{new string('y', 51)}" })
                {
                    data.Add(chart, release);
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Releases))]
    public async Task A_release_may_begin_with_a_digit_have_dots_and_be_long(string chart, string release)
    {
        var manifests = await Helm.TemplateAsync(chart, release, chart == "gateway" ? Unnamed : []);

        await ManifestRules.CheckAsync(manifests);

        // What leads to a service names one that there is.
        var services = manifests.Where(m => m.Kind == "Service").Select(m => m.Name).ToList();
        Assert.Equal(services.Count, services.Distinct().Count());
        Assert.Contains(services, service => manifests.Single(m => m.Kind == "Pod")["spec.containers.0.args.0"]!.StartsWith($"--ready=http://{service}.openfaas:", StringComparison.Ordinal));
        if (chart == "gateway")
        {
            Assert.Contains(manifests.Single(IsOwn).Environment["faas_nats_address"], services);
            Assert.Contains(manifests.Single(m => m.Kind == "Ingress")["spec.rules.0.http.paths.0.backend.service.name"]!, services);
        }
    }

    [Fact]
    public async Task A_release_with_an_ordinary_name_has_the_names_that_it_always_had()
    {
        var services = (await Helm.TemplateAsync("gateway", "front", Unnamed)).Where(m => m.Kind == "Service").Select(m => m.Name);

        Assert.Equal(["front-gateway", "front-gateway-metrics", "front-gateway-nats", "front-gateway-scaler"], services.Order());
    }

    // Flux appends the digest of what it pulled from a registry; others have more to say.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_version_may_have_a_plus_and_be_long(string chart)
    {
        foreach (var build in new[] { "+1cabc3050c8c", $"+{string.Concat(Enumerable.Repeat("1.", 40))}1" })
        {
            using var copy = new ChartCopy(chart);
            var about = Path.Combine(copy.Folder, "Chart.yaml");
            await File.WriteAllTextAsync(about, Version().Replace(await File.ReadAllTextAsync(about), $"$1{build}"));

            var manifests = await Helm.TemplateFolderAsync(copy.Folder, "r", [.. Helm.Options(Helm.Needed(chart))]);

            await ManifestRules.CheckAsync(manifests);
            Assert.DoesNotContain('+', manifests.Single(IsOwn)["spec.template.spec.containers.0.image"]!);
        }
    }

    // None of the fixed names by which the other charts find a gateway.
    private static string[] Unnamed =>
        ["service.name=", "nats.development.enabled=true", "nats.development.name=", "scaler.enabled=true", "ingress.enabled=true", "ingress.hosts[0]=gateway.example.com"];

    private static bool IsOwn(Manifest manifest) => manifest.Kind == "Deployment" && manifest.At("spec.template.spec.containers.0.env") is YamlSequenceNode;

    [GeneratedRegex("^((?:v|appV)ersion: .*)$", RegexOptions.Multiline)]
    private static partial Regex Version();
}
