using Connectors.Cron.Cursors;
using Connectors.Cron.Schedules;
using Connectors.Cron.Ticking;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Connectors.Cron;

/// <summary>What stands between the schedules and the pump.</summary>
internal static class CronHosting
{
    /// <summary>Adds the timetable, and the cursors that say how far each schedule has come.</summary>
    public static WebApplicationBuilder AddCron(this WebApplicationBuilder builder, CronOptions options)
    {
        builder.Services
            .AddSingleton(options.Ticks)
            .AddSingleton(Timetable)
            .AddSingleton<Claims>()
            .AddSingleton<Claiming>();
        if (options.Nats.IsSet)
        {
            builder.AddSharedCursors(options);
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

    private static Timetable Timetable(IServiceProvider services)
    {
        var log = services.GetRequiredService<ILogger<Timetable>>();
        var policy = services.GetRequiredService<TickPolicy>();
        Log.Zone(log, policy.Zone.Id);
        if (!MachineZone.HasZones)
        {
            Log.NoZones(log);
        }

        return new Timetable(policy, log);
    }

    private static void AddSharedCursors(this WebApplicationBuilder builder, CronOptions options) => builder
        .AddNats(options.Nats, new NatsRole("cron-connector", IsNeeded: true, () => { }))
        .Services
        .AddSingleton(services => new KvCursorStore(
            new Bucket(services.GetRequiredService<NatsLink>(), BucketShape.Cron(options.BucketReplicas), KvCursorStore.Patience, services.GetRequiredService<TimeProvider>())
            {
                IsMadeAgain = false,
            },
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<Readiness>(),
            services.GetRequiredService<ILogger<KvCursorStore>>()))
        .AddSingleton<ICursorStore>(services => services.GetRequiredService<KvCursorStore>())
        .AddDuty<KvCursorStore>(KvCursorStore.Condition);
}
