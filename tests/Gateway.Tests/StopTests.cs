using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Provider;
using Connectors.Gateway.Queues;
using Connectors.Provider.Contracts;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Gateway.Tests;

/// <summary>What fails in the very moment of a stop makes no failure of it: of a background service that throws, the process ends with code 1.</summary>
public sealed class StopTests : IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    [Fact]
    public Task The_look_at_functions_ends() =>
        EndsAsync(new FunctionGauges(new StoppingProvider(_stop), OptionsOf(0), TimeProvider.System, NullLogger<FunctionGauges>.Instance));

    [Fact]
    public async Task The_look_at_redrives_ends()
    {
        var options = OptionsOf(4222).Queue;
        await using var link = LinkOf(options);
        var streams = new StreamSetup(link, TimeProvider.System, NullLogger<StreamSetup>.Instance);
        var store = new CallStore(new StreamPublisher(link, TimeProvider.System, NullLogger<StreamPublisher>.Instance), streams, options);
        var letters = new DeadLetters(link, TimeProvider.System);
        var redriver = new Redriver(letters, store, new CallResults(link, options, TimeProvider.System), TimeProvider.System, NullLogger<Redriver>.Instance);

        await EndsAsync(new RedriveRunner(
            new RedriveJobs(link, options, new StoppingTime(_stop)), letters, redriver, options, TimeProvider.System, NullLogger<RedriveRunner>.Instance));
    }

    [Fact]
    public async Task The_making_of_the_stream_ends()
    {
        await using var nats = await NatsServer.StartAsync();
        var options = OptionsOf(nats.Port).Queue;
        await using var link = LinkOf(options);
        await link.StartAsync(CancellationToken.None);

        await EndsAsync(new NatsStart(link, new StreamSetup(link, TimeProvider.System, new StoppingLog<StreamSetup>(_stop)), options, NullLogger<NatsStart>.Instance));
    }

    public void Dispose() => _stop.Dispose();

    private async Task EndsAsync(BackgroundService service)
    {
        await service.StartAsync(_stop.Token);

        await service.ExecuteTask!.WaitAsync(Eventually.Patience);

        Assert.True(_stop.IsCancellationRequested);
        service.Dispose();
    }

    private static GatewayOptions OptionsOf(int natsPort) => GatewayOptions.Read(new Settings(new Dictionary<string, string>
    {
        ["faas_nats_address"] = "127.0.0.1",
        ["faas_nats_port"] = $"{(natsPort > 0 ? natsPort : 4222)}",
    }));

    private static NatsLink LinkOf(QueueOptions options) =>
        new(options.Nats, new NatsRole("test", IsNeeded: false, () => { }), new Readiness(), TimeProvider.System, NullLoggerFactory.Instance);

    // What comes with a stop, and is no cancellation.
    private static InvalidOperationException StopAndFail(CancellationTokenSource stop)
    {
        stop.Cancel();
        return new InvalidOperationException("it was taken down already");
    }

    private sealed class StoppingProvider(CancellationTokenSource stop) : IProvider
    {
        public Task<IReadOnlyList<FunctionStatus>> ListAsync(CancellationToken ct) => throw StopAndFail(stop);

        public Task InvokeAsync(HttpContext caller, FunctionPath path, CancellationToken ct) => throw new NotSupportedException();

        public Task<Lookup> FindAsync(FunctionName function, CancellationToken ct) => throw new NotSupportedException();

        public bool Knows(FunctionName function) => throw new NotSupportedException();

        public void MapSystem(IEndpointRouteBuilder routes) => throw new NotSupportedException();
    }

    private sealed class StoppingTime(CancellationTokenSource stop) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => throw StopAndFail(stop);
    }

    private sealed class StoppingLog<T>(CancellationTokenSource stop) : ILogger<T>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => throw StopAndFail(stop);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => throw StopAndFail(stop);
    }
}
