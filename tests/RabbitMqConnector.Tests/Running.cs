using Connectors.RabbitMq.Consuming;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.RabbitMq.Tests;

/// <summary>The connector inside the test process, as its Program builds it.</summary>
internal static class Running
{
    /// <summary>Options as an operator sets them; of one that is given twice the last counts.</summary>
    public static RabbitMqOptions Options(params (string Name, string Value)[] values)
    {
        var settings = new Settings(values.GroupBy(v => v.Name).ToDictionary(g => g.Key, g => g.Last().Value));
        var options = RabbitMqOptions.Read(settings);
        Assert.Empty(settings.Errors);
        return options;
    }

    public static void Register(WebApplicationBuilder builder, RabbitMqOptions options)
    {
        builder.AddRabbitMq(options);
        builder.AddConnector<RabbitMqSource>(options.Connector);
    }

    /// <summary>Starts it against a gateway, with short waits.</summary>
    public static Task<RunningConnector> StartAsync(GatewayServer gateway, string url, string queues, params (string Name, string Value)[] values) =>
        StartAsync(gateway, url, queues, null, values);

    /// <summary>Starts it with so much time to finish what runs when it is stopped; null for the usual.</summary>
    public static Task<RunningConnector> StartAsync(GatewayServer gateway, string url, string queues, TimeSpan? gracePeriod, params (string Name, string Value)[] values)
    {
        var options = Quick(gateway, url, queues, values);
        return RunningConnector.StartAsync(builder => Register(builder, options), gracePeriod);
    }

    /// <summary>Starts it with so much time for each answer of the broker.</summary>
    public static Task<RunningConnector> StartImpatientAsync(GatewayServer gateway, string url, string queues, TimeSpan answerTime)
    {
        var options = Quick(gateway, url, queues);
        return RunningConnector.StartAsync(builder => Register(builder, options with { Broker = options.Broker with { AnswerTime = answerTime } }));
    }

    /// <summary>Starts it where names have other addresses.</summary>
    public static Task<RunningConnector> StartElsewhereAsync(GatewayServer gateway, string url, string queues, Dialer dialer, params (string Name, string Value)[] values)
    {
        var options = Quick(gateway, url, queues, values);
        return RunningConnector.StartAsync(builder =>
        {
            Register(builder, options);
            builder.Services.AddSingleton(dialer);
        });
    }

    private static RabbitMqOptions Quick(GatewayServer gateway, string url, string queues, params (string Name, string Value)[] values) => Options([
        ("gateway_url", gateway.Url.AbsoluteUri), ("rebuild_interval", "50ms"), ("rabbitmq_url", url), ("queues", queues),
        ("initial_retry_wait", "10ms"), ("max_retry_wait", "50ms"), .. values]);
}
