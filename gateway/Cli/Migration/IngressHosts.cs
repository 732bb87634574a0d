using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Migration;

/// <summary>The hosts of an Ingress: with a service and a path, or with rules as Kubernetes has them.</summary>
internal static class IngressHosts
{
    // The gateway too, as the chart shows it outside of the cluster.
    private const string External = "gateway-external";

    /// <summary>Why they are refused, which is that one leads to another service than the gateway; null if none does.</summary>
    public static string? Fault(YamlNode hosts) => YamlPath.Mappings(hosts)
        .SelectMany(host => Services(host).Where(service => service is not (OpenFaasCharts.Gateway or External)).Select(service =>
            $"{YamlPath.At(host, "host")} leads to {service}, which is not the gateway: take it out, and make an Ingress of your own for it"))
        .FirstOrDefault();

    private static IEnumerable<string> Services(YamlMappingNode host)
    {
        var services = YamlPath.Mappings(YamlPath.At(host, "http.paths")).Select(path => YamlPath.At(path, "backend")).OfType<YamlMappingNode>()
            .Select(backend => (YamlPath.At(backend, "service.name") as YamlScalarNode)?.Value ?? "no service");
        return YamlPath.At(host, "serviceName") is YamlScalarNode { Value: { Length: > 0 } service } ? services.Append(service) : services;
    }
}
