namespace Connectors.Gateway.Tests;

/// <summary>One gateway with its embedded provider, and one that has the first as its remote provider.</summary>
public sealed class ProviderFixture : IAsyncLifetime
{
    public TestGateway Embedded { get; private set; } = null!;

    public TestGateway Remote { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Embedded = await TestGateway.StartAsync(null, ("max_output_bytes", "8000000"));
        Remote = await TestGateway.StartAsync(
            null, ("functions_provider_url", Embedded.Api.AbsoluteUri), ("basic_auth", "true"), ("scale_from_zero", "true"));
    }

    /// <summary>The gateway to talk to: <c>embedded</c>, or <c>remote</c> in front of it.</summary>
    public TestGateway Through(string which) => which == "remote" ? Remote : Embedded;

    public async ValueTask DisposeAsync()
    {
        await Remote.DisposeAsync();
        await Embedded.DisposeAsync();
    }
}
