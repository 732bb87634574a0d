using YamlDotNet.RepresentationModel;

namespace Connectors.Charts.Tests;

/// <summary>In whichever form the hosts of the Ingress are given, each has one rule, and all of its paths lead to the gateway.</summary>
public sealed class IngressTests : IDisposable
{
    private readonly RenderedEnvironment _files = new();

    [Theory]
    [InlineData("[a.example.com, b.example.com]", "a.example.com Prefix:/|b.example.com Prefix:/")]
    [InlineData("[{host: a.example.com, path: /function}, {host: a.example.com, path: /async-function}]", "a.example.com Prefix:/function Prefix:/async-function")]
    [InlineData("[{host: a.example.com, path: /one}, b.example.com, {host: a.example.com, path: /two}, {host: a.example.com, path: /one}]", "a.example.com Prefix:/one Prefix:/two|b.example.com Prefix:/")]
    [InlineData("[{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: gateway, port: {number: 8080}}}}]}}]", "a.example.com Prefix:/")]
    [InlineData("[{host: a.example.com, http: {paths: [{path: /, backend: {service: {name: gateway-external, port: {number: 8080}}}}]}}, {host: b.example.com, serviceName: gateway-external}]", "a.example.com Prefix:/|b.example.com Prefix:/")]
    [InlineData("[{host: a.example.com, http: {paths: [{path: /one, pathType: Exact}, {path: /two}]}}, {host: a.example.com, path: /three}]", "a.example.com Exact:/one Prefix:/two Prefix:/three")]
    [InlineData("[{http: {paths: [{path: /, pathType: ImplementationSpecific, backend: {service: {name: front}}}]}}]", " ImplementationSpecific:/")]
    public async Task Each_host_has_one_rule_with_its_paths_in_the_order_of_the_values(string hosts, string rules)
    {
        var manifests = await Helm.TemplateAsync("gateway", "r", "service.name=front", Helm.File + _files.Write("values.yaml", $"ingress: {{enabled: true, hosts: {hosts}}}"));
        var rendered = Items(manifests.Single(m => m.Kind == "Ingress").At("spec.rules")).ToList();
        var paths = rendered.Select(rule => Items(rule["http"]["paths"]).ToList()).ToList();

        await ManifestRules.CheckAsync(manifests);
        Assert.Equal(rules, string.Join('|', rendered.Zip(paths, (rule, of) => $"{rule["host"]} {string.Join(' ', of.Select(path => $"{path["pathType"]}:{path["path"]}"))}")));
        Assert.All(paths.SelectMany(of => of).Select(path => path["backend"]["service"]), service => Assert.Equal(("front", "http"), (service["name"].ToString(), service["port"]["name"].ToString())));
    }

    public void Dispose() => _files.Dispose();

    private static IEnumerable<YamlNode> Items(YamlNode? list) => ((YamlSequenceNode)list!).Children;
}
