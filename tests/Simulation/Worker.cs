using Connectors.QueueWorker;
using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Simulation.Tests;

/// <summary>A queue-worker: its own parts, put together as its host does, over a connection, a clock and requests that are simulated. Without logs, reports and history.</summary>
internal sealed class Worker
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly WorkSlots _slots;
    private readonly CancelledCalls _cancelled;
    private readonly Readiness _readiness = new();
    private readonly Task _consuming;

    public Worker(World world, Broker broker, Process process, QueueWorkerOptions options, HttpMessageHandler functions, HttpMessageHandler receivers, Random random)
    {
        Process = process;
        Connection = new SimulatedConnection(world, broker, process);
        process.Died = Connection.Abandon;
        var logs = NullLoggerFactory.Instance;
        var link = new NatsLink(options.Nats, new NatsRole(process.Name, IsNeeded: true, () => { }), _readiness, process, logs, SimulatedBuckets.Over(Connection, broker));
        var publisher = new StreamPublisher(link, process, NullLogger<StreamPublisher>.Instance);
        var setup = new StreamSetup(link, process, NullLogger<StreamSetup>.Instance);
        var consumerSetup = new ConsumerSetup(link, setup, process, NullLogger<ConsumerSetup>.Instance);
        var inbox = new PullInbox(link, process, NullLogger<PullInbox>.Instance);

        var waiting = new WaitingRetries(process);
        var writer = new RecordWriter(options, publisher);
        var acks = new Acks(options, link, writer, waiting, process, NullLogger<Acks>.Instance);
        var records = new CallbackRecords(options, writer, process);
        var dead = new DeadLetters(options, writer, process, NullLogger<DeadLetters>.Instance);
        var history = new CallHistory(options, publisher, setup, link, process, NullLogger<CallHistory>.Instance);
        var callbackSettler = new CallbackSettler(writer, dead, acks, history, process);
        var results = new StoredResults(link, options, process, NullLogger<StoredResults>.Instance);
        var settler = new Settler(options, writer, results, records, dead, acks, history, process);

        var signer = new WebhookSigner(new SecretFile("/nonexistent/callback-secret"), process, NullLogger<WebhookSigner>.Instance);
        var poster = new CallbackPoster(options, new HttpMessageInvoker(receivers), signer, process);
        var callbackSender = new CallbackSender(options, poster, process, NullLogger<CallbackSender>.Instance);
        var oversize = new OversizeCallbacks(options, callbackSender, records, callbackSettler, process, random);
        var callbacks = new CallbackDispatcher(options, callbackSender, callbackSettler, process, random);

        _cancelled = new CancelledCalls(link, options, process, NullLogger<CancelledCalls>.Instance);
        var pauses = new Pauses(link, options, process, NullLogger<Pauses>.Instance);
        var routes = new CallRoutes(options.Dispatch, process, NullLogger<CallRoutes>.Instance, functions);
        var sender = new CallSender(options, link, routes, _cancelled, process, NullLogger<CallSender>.Instance);
        var calls = new Dispatcher(options, sender, pauses, new Breakers(options, pauses, process), oversize, settler, process, random);
        var aside = new AsideReturn(options, pauses, writer, dead, acks);

        var recheck = new Recheck(process);
        var mode = new ModeClaim(options, link, _readiness, recheck, process, NullLogger<ModeClaim>.Instance);
        var drain = new Drain(options, inbox, process, NullLogger<Drain>.Instance);
        _slots = new WorkSlots(options, calls, callbacks, aside, acks, drain, process, NullLogger<WorkSlots>.Instance);
        var consumers = new Consumers(options, inbox, consumerSetup, process);
        var asidePulls = new AsidePulls(options, link, consumers, pauses, _slots, process, NullLogger<AsidePulls>.Instance);
        ICallPulls callPulls = options.Consuming.Mode == ScalingMode.Static
            ? new StaticPulls(options, consumers, pauses, _slots, recheck, process, NullLogger<StaticPulls>.Instance)
            : new FunctionPulls(options, link, consumers, pauses, _slots, mode, process, NullLogger<FunctionPulls>.Instance);
        var callbackPulls = new CallbackPulls(options, consumers, _slots, recheck, process, NullLogger<CallbackPulls>.Instance);
        var pulls = new Pulls(options, inbox, callPulls, callbackPulls, asidePulls, mode, pauses, acks);
        var gauges = new QueueGauges(options, waiting, new Reporting(options, new WorkerReports(link, process), waiting), process);
        var look = new StreamLook(options, link, pulls, gauges, new UnusedBreakers(options, link, pauses), process, NullLogger<StreamLook>.Instance);
        var watchdog = new Watchdog(options, setup, mode, pulls, look, recheck, _readiness, process, NullLogger<Watchdog>.Instance);
        var consuming = new ConsumingService(options, link, watchdog, pulls, _slots, NullLogger<ConsumingService>.Instance);
        var leases = new LeaseKeeper(consumers, _slots, process, NullLogger<LeaseKeeper>.Instance);
        var slots = new SlotWatch(options, _slots, _readiness, process);

        // These go on for as long as there is a process; what is told to stop is consuming.
        _ = link.StartAsync(CancellationToken.None);
        _ = _cancelled.RunAsync(CancellationToken.None);
        _ = pauses.RunAsync(CancellationToken.None);
        _ = leases.RunAsync(CancellationToken.None);
        _ = slots.RunAsync(CancellationToken.None);
        _consuming = RunAsync(consuming, process);
    }

    public Process Process { get; }

    public SimulatedConnection Connection { get; }

    /// <summary>Whether it was told to stop, and has.</summary>
    public bool HasStopped => _consuming.IsCompleted;

    /// <summary>Whether nothing runs in it.</summary>
    public bool IsIdle => _slots.Calls.Running + _slots.Callbacks.Running + _slots.Aside.Running == 0;

    /// <summary>Slots of every kind that nobody holds, of how many there are.</summary>
    public IEnumerable<(string Kind, int Free, int Count)> Slots =>
        [("calls", _slots.Calls.Free, _slots.Calls.Count), ("callbacks", _slots.Callbacks.Free, _slots.Callbacks.Count), ("aside", _slots.Aside.Free, _slots.Aside.Count)];

    /// <summary>Why it is not ready; empty when it is.</summary>
    public IReadOnlyList<string> Unmet => _readiness.Unmet;

    /// <summary>Sends of which it is still waited whether they are cancelled.</summary>
    public int Watched => _cancelled.Watched;

    /// <summary>As SIGTERM does.</summary>
    public void Stop() => _stopping.Cancel();

    // As a duty is: begun anew when it throws.
    private async Task RunAsync(ConsumingService consuming, Process process)
    {
        while (true)
        {
            try
            {
                await consuming.RunAsync(_stopping.Token);
            }
            catch (Exception fault) when (fault is not ConfigurationException && !_stopping.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), process);
                continue;
            }

            // No clock of it ticks any more.
            process.Kill();
            return;
        }
    }
}
