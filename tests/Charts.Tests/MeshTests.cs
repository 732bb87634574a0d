namespace Connectors.Charts.Tests;

/// <summary>What a service mesh has to be told of the pods and ports of a release.</summary>
public class MeshTests
{
    private const string OpaquePorts = "metadata.annotations.config~linkerd~io/opaque-ports";

    public static TheoryData<string> Charts => RenderingTests.Charts;

    // A mesh looks at the client's first bytes to see what is spoken, and a client of NATS waits for the server's.
    [Fact]
    public async Task A_port_at_which_the_server_speaks_first_is_told_to_be_no_more_than_TCP()
    {
        var manifests = await Helm.TemplateAsync("gateway", "r", "nats.development.enabled=true");
        var service = manifests.Single(m => m is { Kind: "Service", Name: "nats" });
        var server = manifests.Single(m => m is { Kind: "Deployment", Name: "nats" });

        await ManifestRules.CheckAsync(manifests);
        Assert.Equal("tcp", service["spec.ports.0.appProtocol"]);
        Assert.All([service[OpaquePorts], server[$"spec.template.{OpaquePorts}"]], ports => Assert.Equal(service["spec.ports.0.port"], ports));
    }

    // A sidecar that outlives the pod's own container keeps "helm test" waiting.
    [Theory, MemberData(nameof(Charts))]
    public async Task What_is_told_to_a_mesh_of_the_pods_is_told_of_the_one_of_helm_test(string chart)
    {
        var manifests = await Helm.TemplateAsync(
            chart, "r", "podLabels.sidecar\\.istio\\.io/inject=false", "podLabels.app\\.kubernetes\\.io/component=mine", "podAnnotations.linkerd\\.io/inject=disabled", "podAnnotations.helm\\.sh/hook=none");
        var service = manifests.Single(m => m.Kind == "Deployment");
        var test = manifests.Single(m => m.Kind == "Pod");

        await ManifestRules.CheckAsync(manifests);
        Assert.All(
            [service.At("spec.template.metadata")!, test.At("metadata")!],
            pod => Assert.Equal(("false", "disabled"), (pod["labels"]["sidecar.istio.io/inject"].ToString(), pod["annotations"]["linkerd.io/inject"].ToString())));
        Assert.Equal(("test", "test"), (test["metadata.labels.app~kubernetes~io/component"], test["metadata.annotations.helm~sh/hook"]));
    }
}
