using Connectors.Cron.Cursors;
using Connectors.Cron.Ticking;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace Connectors.Cron;

internal static class CronHosting
{
    /// <summary>Adds the timetable, and the cursors that say how far each schedule has come.</summary>
    public static WebApplicationBuilder AddTimetable(this WebApplicationBuilder builder, CronOptions options)
    {
        builder.Services
            .AddSingleton(options.Ticks)
            .AddSingleton<Timetable>()
            .AddSingleton<Claims>()
            .AddSingleton<TickDuties>();
        if (options.Nats.IsSet)
        {
            builder.AddSharedCursors(options.Nats);
        }
        else
        {
            builder.Services.AddSingleton<ICursorStore>(services =>
            {
                Log.CursorsInMemory(services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(CronHosting)));
                return new MemoryCursorStore(services.GetRequiredService<TimeProvider>());
            });
        }

        return builder;
    }

    private static void AddSharedCursors(this WebApplicationBuilder builder, NatsOptions nats) => builder.Services
        .AddSingleton(nats)
        .AddSingleton(services => new NatsConnection(new NatsOpts
        {
            Url = nats.Url,
            AuthOpts = NatsAccess.Auth(nats.Access),
            TlsOpts = NatsAccess.Tls(nats.Access),
            Name = "cron-connector",
            LoggerFactory = services.GetRequiredService<ILoggerFactory>(),
            ConnectTimeout = TimeSpan.FromSeconds(2),
            RequestTimeout = TimeSpan.FromSeconds(2),
            ReconnectWaitMin = TimeSpan.FromMilliseconds(100),
            ReconnectWaitMax = TimeSpan.FromSeconds(2),
            MaxReconnectRetry = -1,
            IgnoreAuthErrorAbort = true,
        }))
        .AddSingleton<KvCursorStore>()
        .AddSingleton<ICursorStore>(services => services.GetRequiredService<KvCursorStore>())
        .AddHostedService(services => services.GetRequiredService<KvCursorStore>());
}
