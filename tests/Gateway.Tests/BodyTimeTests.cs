using Connectors.Gateway.Endpoints;
using Connectors.Sdk.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Connectors.Gateway.Tests;

/// <summary>Who is bounded by a rate of bytes, which takes the server minutes to act upon.</summary>
public sealed class BodyTimeTests
{
    [Theory]
    [InlineData("/function/slow", false, false)]
    [InlineData("/async-function/slow", false, false)]
    [InlineData("/functions", false, false)]
    [InlineData("/system/functions", true, true)]
    [InlineData("/ui/", true, true)]
    public async Task A_call_s_bodies_are_bounded_by_its_own_limit_alone(string path, bool isSendingBounded, bool isReadingBounded)
    {
        var rate = new Rate { MinDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5)) };
        var http = new DefaultHttpContext { Request = { Path = path } };
        http.Features.Set<IHttpMinRequestBodyDataRateFeature>(new Rate());
        http.Features.Set<IHttpMinResponseDataRateFeature>(rate);

        await new BodyTime(GatewayOptions.Read(new Settings(new Dictionary<string, string>()))).InvokeAsync(http, _ => Task.CompletedTask);

        Assert.Equal(isSendingBounded, http.Features.Get<IHttpMinRequestBodyDataRateFeature>()!.MinDataRate is not null);
        Assert.Equal(isReadingBounded, rate.MinDataRate is not null);
    }

    private sealed class Rate : IHttpMinRequestBodyDataRateFeature, IHttpMinResponseDataRateFeature
    {
        public MinDataRate? MinDataRate { get; set; }
    }
}
