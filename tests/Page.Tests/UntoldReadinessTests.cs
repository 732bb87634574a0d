using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Page.Tests;

/// <summary>Functions of a provider whose list does not say how many of their replicas are ready, as that of faasd.</summary>
public sealed class UntoldReadinessTests(PageSystem site) : WindowTests(site)
{
    [Fact]
    public async Task That_nobody_says_how_many_replicas_are_ready_is_no_fault_of_the_function()
    {
        await using var provider = await HttpLedger.StartAsync((request, http) => http.Response.WriteAsync(request.Path switch
        {
            "/system/namespaces" => """["openfaas-fn"]""",
            "/system/functions" => """[{"name":"figlet","namespace":"openfaas-fn","replicas":1}]""",
            _ => """{"name":"figlet","namespace":"openfaas-fn","replicas":1,"availableReplicas":1}""",
        }));
        await using var gateway = await Site.StartGatewayAsync(("functions_provider_url", provider.Url.AbsoluteUri), ("basic_auth", "true"));
        var page = await OpenAsync("/ui/functions?name=figlet.openfaas-fn", gateway: gateway.Api);

        var replicas = page.Locator("[data-function='figlet.openfaas-fn'] td:nth-child(2)");

        Assert.Equal(("– / 1", "n"), (await replicas.TextContentAsync(), await replicas.GetAttributeAsync("class")));
        await page.GetByText("1; how many of them are ready, the provider does not say").WaitForAsync();
    }
}
