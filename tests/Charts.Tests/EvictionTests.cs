namespace Connectors.Charts.Tests;

/// <summary>What holds up a node that is drained.</summary>
public class EvictionTests
{
    public static TheoryData<string> Charts => RenderingTests.Charts;

    // A release of one pod that waits for NATS or a broker has none that is ready, and so none that may go.
    [Theory, MemberData(nameof(Charts))]
    public async Task A_pod_that_is_not_ready_may_go_where_the_cluster_knows_how_to_allow_it(string chart)
    {
        Assert.Null(await PolicyAsync(chart, "1.26"));
        Assert.Equal("AlwaysAllow", await PolicyAsync(chart, "1.27"));
        Assert.Equal("AlwaysAllow", await PolicyAsync(chart, "v1.31.4-gke.100"));
        Assert.Equal("IfHealthyBudget", await PolicyAsync(chart, "1.31", "podDisruptionBudget.unhealthyPodEvictionPolicy=IfHealthyBudget"));
    }

    private static async Task<string?> PolicyAsync(string chart, string kubernetes, params string[] values)
    {
        var manifests = await Helm.TemplateFolderAsync(Helm.ChartDirectory(chart), "r", ["--kube-version", kubernetes, .. Helm.Options([.. Helm.Needed(chart), .. values])]);
        var budget = manifests.Single(m => m.Kind == "PodDisruptionBudget");
        await ManifestRules.CheckAsync([budget]);
        return budget["spec.unhealthyPodEvictionPolicy"];
    }
}
