using System.Globalization;
using Connectors.Benchmarks.Whole;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Connectors.Benchmarks.Baselines;

/// <summary>Publishes calls as they would be stored and waits for each ack, as many at once as there are connections of a load. <c>GET /?seconds=5</c> does it for so long.</summary>
internal static class BarePublisher
{
    internal static IAsyncDisposable Map(WebApplication app, string natsUrl)
    {
        var connection = new NatsConnection(new NatsOpts { Url = natsUrl });
        var stream = new NatsJSContext(connection);
        app.MapGet("/", async http =>
        {
            var duration = TimeSpan.FromSeconds(double.Parse(http.Request.Query["seconds"].ToString(), CultureInfo.InvariantCulture));
            await http.Response.WriteAsync(await PublishAsync(stream, duration));
        });
        return connection;
    }

    private static async Task<string> PublishAsync(NatsJSContext stream, TimeSpan duration)
    {
        var start = TimeProvider.System.GetTimestamp();
        var (subject, headers, body) = Pipeline.MessageOf(0, functions: 1);
        var value = headers.Single();
        var times = (await Task.WhenAll(Enumerable.Range(0, Load.Connections).Select(async _ =>
        {
            var own = new List<TimeSpan>();
            while (TimeProvider.System.GetElapsedTime(start) < duration)
            {
                var sent = TimeProvider.System.GetTimestamp();
                var ack = await stream.PublishAsync(subject, body, headers: new NatsHeaders { [value.Key] = value.Value });
                ack.EnsureSuccess();
                own.Add(TimeProvider.System.GetElapsedTime(sent));
            }

            return own;
        }))).SelectMany(own => own).Order().ToList();
        var seconds = TimeProvider.System.GetElapsedTime(start);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"requests {times.Count}\nseconds_ns {seconds.TotalNanoseconds:0}\np50 {At(.5):0}\np99 {At(.99):0}\np999 {At(.999):0}\n");

        double At(double part) => times[(int)(part * (times.Count - 1))].TotalNanoseconds;
    }
}
