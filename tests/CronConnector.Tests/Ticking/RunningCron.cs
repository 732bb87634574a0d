using System.Globalization;
using Connectors.Cron.Ticking;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Connectors.Cron.Tests.Ticking;

/// <summary>The cron connector inside the test process, as its Program builds it.</summary>
internal static class RunningCron
{
    /// <summary>Starts one.</summary>
    /// <param name="gateway">The gateway that it calls.</param>
    /// <param name="nats">Where cursors are shared; null for nowhere.</param>
    /// <param name="options">Its own options.</param>
    public static Task<RunningConnector> StartAsync(Uri gateway, NatsServer? nats, params (string Name, string Value)[] options) =>
        RunningConnector.StartAsync(builder => Register(builder, RunningConnector.Options(gateway), nats, options));

    /// <summary>Starts one on a machine whose clock may be wrong.</summary>
    public static Task<RunningConnector> StartAsync(Uri gateway, NatsServer? nats, TimeProvider clock, params (string Name, string Value)[] options) => RunningConnector.StartAsync(builder =>
    {
        Register(builder, RunningConnector.Options(gateway), nats, options);
        builder.Services.AddSingleton(clock);
    });

    public static void Register(WebApplicationBuilder builder, ConnectorOptions connector, NatsServer? nats, params (string Name, string Value)[] options)
    {
        var values = options.ToDictionary(o => o.Name, o => o.Value);
        if (nats is not null)
        {
            values["nats_host"] = "127.0.0.1";
            values["nats_port"] = nats.Port.ToString(CultureInfo.InvariantCulture);
        }

        var settings = new Settings(values);
        var read = CronOptions.Read(settings);
        Assert.Empty(settings.Errors);
        builder.AddCron(read);
        builder.AddConnector<CronSource>(connector with { Asynchronous = read.Connector.Asynchronous, ContentType = read.Connector.ContentType });
    }

    /// <summary>A function with a schedule and other annotations as pairs of name and value.</summary>
    public static ListedFunction Function(string name, string schedule, params string[] annotations) =>
        ListedFunction.Wanting("cron-function", name, ["schedule", schedule, .. annotations]);

    /// <summary>Waits until each of so many successive seconds, from the first that there is a call for, has one. Neighbours may overtake each other.</summary>
    public static Task EachSecondAsync(Func<IEnumerable<RecordedRequest>> calls, int seconds) => Eventually.HoldsAsync(
        () => calls().Select(Due).ToHashSet() is { Count: > 0 } due && Enumerable.Range(0, seconds).All(i => due.Contains(due.Min().AddSeconds(i))),
        () => $"{seconds} seconds without a gap; there were {string.Join(' ', calls().Select(Due).Order().Select(due => due.ToString("mm:ss", CultureInfo.InvariantCulture)))}");

    /// <summary>No two calls are for the same instant.</summary>
    public static void NoneTwice(IEnumerable<RecordedRequest> calls)
    {
        var due = calls.Select(Due).ToList();
        Assert.Equal(due.Count, due.Distinct().Count());
    }

    /// <summary>The due instant that a call is for.</summary>
    public static DateTimeOffset Due(RecordedRequest call) => DateTimeOffset.Parse(call.Header("X-Cron-Due") ?? "", CultureInfo.InvariantCulture);
}
