namespace Connectors.Charts.Tests;

/// <summary>The first install of docs/production.md: every host and every secret that one release names is made by another, or is told to be the operator's.</summary>
public class NamesMeetTests
{
    [Fact]
    public async Task Four_releases_with_their_defaults_find_each_other()
    {
        IReadOnlyList<Manifest> all =
        [
            .. await Helm.TemplateAsync("gateway", "openfaas", "nats.development.enabled=true"),
            .. await Helm.TemplateAsync("queue-worker", "queue-worker", "queueName=faas-request"),
            .. await Helm.TemplateAsync("cron-connector", "cron-connector", "nats.host=nats.openfaas"),
            .. await Helm.TemplateAsync("kafka-connector", "kafka-connector", "topics=orders", "brokerHosts=kafka.kafka:9092"),
        ];
        var services = all.Where(m => m.Kind == "Service").Select(m => $"{m.Name}.openfaas").Append("nats").Append("gateway").ToHashSet();
        var secrets = all.Where(m => m.Kind == "Secret").Select(m => m.Name).ToHashSet();
        var configMaps = all.Where(m => m.Kind == "ConfigMap").Select(m => m.Name).ToHashSet();
        var claims = all.Where(m => m.Kind == "PersistentVolumeClaim").Select(m => m.Name).ToHashSet();
        var accounts = all.Where(m => m.Kind == "ServiceAccount").Select(m => m.Name).ToHashSet();
        var pods = all.Where(m => m.Kind == "Deployment" && m.Name != "nats").ToList();

        Assert.Equal(4, pods.Count);
        foreach (var pod in pods)
        {
            var environment = pod.Environment;
            Assert.All(
                new[] { "nats_host", "faas_nats_address" }.Where(environment.ContainsKey).Select(name => environment[name]).Concat(
                    environment.TryGetValue("gateway_url", out var url) ? [new Uri(url).Host] : []),
                host => Assert.Contains(host, services.AsEnumerable()));
            Assert.Contains(pod["spec.template.spec.serviceAccountName"]!, accounts);
            var volumes = pod.At("spec.template.spec.volumes")?.AllNodes.OfType<YamlDotNet.RepresentationModel.YamlMappingNode>().ToList() ?? [];
            Assert.All(volumes.Where(v => v.Children.ContainsKey("secret")), v => Assert.Contains(v["secret"]["name"].ToString(), secrets));
            Assert.All(volumes.Where(v => v.Children.ContainsKey("configMap")), v => Assert.Contains(v["configMap"]["name"].ToString(), configMaps));
            Assert.All(volumes.Where(v => v.Children.ContainsKey("persistentVolumeClaim")), v => Assert.Contains(v["persistentVolumeClaim"]["claimName"].ToString(), claims));
        }

        var ports = all.Where(m => m.Kind == "Service").ToDictionary(m => m.Name, m => m["spec.ports.0.port"]);
        Assert.Equal("8080", ports["gateway"]);
        Assert.Equal("4222", ports["nats"]);
    }
}
