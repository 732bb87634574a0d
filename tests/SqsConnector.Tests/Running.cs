using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Sqs.Receiving;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;

namespace Connectors.Sqs.Tests;

/// <summary>The connector inside the test process, as its Program builds it.</summary>
internal static class Running
{
    /// <summary>Options as an operator sets them; of one that is given twice the last counts.</summary>
    public static SqsOptions Options(params (string Name, string Value)[] values)
    {
        var settings = new Settings(values.GroupBy(v => v.Name).ToDictionary(g => g.Key, g => g.Last().Value));
        var options = SqsOptions.Read(settings);
        Assert.Empty(settings.Errors);
        return options;
    }

    public static void Register(WebApplicationBuilder builder, SqsOptions options)
    {
        builder.AddSqs(options);
        builder.AddConnector<SqsSource>(options.Connector);
    }

    /// <summary>Starts it against a gateway; polls are short, so that a cut one keeps nothing for long.</summary>
    public static Task<RunningConnector> StartAsync(GatewayServer gateway, params (string Name, string Value)[] values)
    {
        var options = Options([("gateway_url", gateway.Url.AbsoluteUri), ("rebuild_interval", "50ms"), ("wait_time", "1s"), .. values]);
        return RunningConnector.StartAsync(builder => Register(builder, options));
    }
}
