using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;

namespace Connectors.QueueWorker;

/// <summary>The worker's parts, in the order in which they begin; they stop in reverse.</summary>
internal static class QueueWorkerHosting
{
    public static void AddBroker(this WebApplicationBuilder builder, QueueWorkerOptions options)
    {
        Metrics.Begin(options.Queue);
        builder.Services.AddSingleton(options);
        builder.AddNats(options.Nats, new NatsRole($"queue-worker {options.Queue}", IsNeeded: true, Metrics.Reconnected));
    }

    // Before consuming, so that it is stopped after it: the last ends are written too.
    public static void AddHistory(this WebApplicationBuilder builder, HistoryOptions options)
    {
        builder.Services.AddSingleton<CallHistory>();
        if (options.IsOn)
        {
            builder.Services.AddDuty<CallHistory>("history");
        }
    }

    // Before consuming too: what runs while the worker drains can be cancelled.
    public static void AddDispatching(this WebApplicationBuilder builder, DispatchOptions options)
    {
        builder.Services.AddSingleton(services => new CallRoutes(options, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<CallRoutes>>()));
        builder.Services.AddSingleton<CallSender>();
        builder.Services.AddDuty<CancelledCalls>("cancellations");
        builder.Services.AddDuty<Pauses>("pauses");
        builder.Services.AddSingleton<Breakers>();
        builder.Services.AddSingleton<Dispatcher>();
        builder.Services.AddSingleton<AsideReturn>();
    }

    public static void AddConsuming(this WebApplicationBuilder builder, ConsumingOptions options)
    {
        builder.Services.AddSingleton<Recheck>();
        builder.Services.AddSingleton<ModeClaim>();
        builder.Services.AddSingleton<Drain>();
        builder.Services.AddSingleton<WorkSlots>();
        builder.Services.AddSingleton<Consumers>();
        builder.Services.AddCallPulls(options.Mode);
        builder.Services.AddSingleton<CallbackPulls>();
        builder.Services.AddSingleton<AsidePulls>();
        builder.Services.AddSingleton<Pulls>();
        builder.Services.AddSingleton<WorkerReports>();
        builder.Services.AddSingleton<QueueGauges>();
        builder.Services.AddSingleton<UnusedBreakers>();
        builder.Services.AddSingleton<StreamLook>();
        builder.Services.AddSingleton<Watchdog>();

        // Stopped in reverse: leases are kept until what runs has ended.
        builder.Services.AddDuty<LeaseKeeper>("leases");
        builder.Services.AddDuty<SlotWatch>("slot watch");
        builder.Services.AddDuty<Reporting>("reports");
        builder.Services.AddDuty<ConsumingService>("consuming", drains: true);
    }

    public static void AddCallbacks(this WebApplicationBuilder builder, CallbackOptions options)
    {
        builder.Services.AddSingleton(services =>
            new HttpMessageInvoker(CallbackConnections.Handler(options, new Dialer(services.GetRequiredService<TimeProvider>()))));
        builder.Services.AddSingleton(services => new WebhookSigner(
            new SecretFile(Path.Combine(services.GetRequiredService<QueueWorkerOptions>().Service.SecretMountPath, WebhookSigner.SecretName)),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<WebhookSigner>>()));
        builder.Services.AddSingleton<CallbackPoster>();
        builder.Services.AddSingleton<CallbackSender>();
        builder.Services.AddSingleton<OversizeCallbacks>();
        builder.Services.AddSingleton<CallbackDispatcher>();
    }

    public static void AddSettling(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<WaitingRetries>();
        builder.Services.AddSingleton<RecordWriter>();
        builder.Services.AddSingleton<Acks>();
        builder.Services.AddSingleton<StoredResults>();
        builder.Services.AddSingleton<CallbackRecords>();
        builder.Services.AddSingleton<DeadLetters>();
        builder.Services.AddSingleton<CallbackSettler>();
        builder.Services.AddSingleton<Settler>();
    }

    private static IServiceCollection AddCallPulls(this IServiceCollection services, ScalingMode mode) => mode == ScalingMode.Static
        ? services.AddSingleton<ICallPulls, StaticPulls>()
        : services.AddSingleton<ICallPulls, FunctionPulls>();
}
