using System.Collections.Concurrent;
using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Connectors.Benchmarks.Whole;

/// <summary>A function that answers at once and notes whose call it ran, how often and when.</summary>
internal sealed class FunctionService : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<long>> _firstRuns = new();
    private long _first;
    private long _runs;
    private long _last;

    private FunctionService()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(http =>
        {
            var now = TimeProvider.System.GetTimestamp();
            Interlocked.CompareExchange(ref _first, now, 0);
            Volatile.Write(ref _last, now);
            FirstRunOf(http.Request.Headers["X-Call-Id"].ToString()).TrySetResult(now);
            Interlocked.Increment(ref _runs);
            return Task.CompletedTask;
        });
    }

    internal Uri Url => new(_app.Urls.Single());

    internal long Runs => Interlocked.Read(ref _runs);

    /// <summary>Calls that ran at least once; calls without an id count as one.</summary>
    internal int Calls => _firstRuns.Count;

    /// <summary>From the first run to the last.</summary>
    internal TimeSpan Busy => TimeProvider.System.GetElapsedTime(Volatile.Read(ref _first), Volatile.Read(ref _last));

    /// <summary>Waits until a call runs; when it first did, as a timestamp of the system's clock.</summary>
    internal Task<long> RunsAsync(string callId) => FirstRunOf(callId).Task.WaitAsync(Eventually.Patience, TimeProvider.System);

    internal static async Task<FunctionService> StartAsync()
    {
        var service = new FunctionService();
        await service._app.StartAsync();
        return service;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private TaskCompletionSource<long> FirstRunOf(string callId) => _firstRuns.GetOrAdd(callId, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}
