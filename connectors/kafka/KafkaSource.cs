using System.Runtime.CompilerServices;
using Connectors.Kafka.Ordering;
using Connectors.Kafka.Polling;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;

namespace Connectors.Kafka;

/// <summary>Records of a consumer group as events. The client outlives the enumeration: what was yielded is settled and committed through it.</summary>
internal sealed class KafkaSource : IEventSource, IAsyncDisposable
{
    private readonly KafkaOptions _options;
    private readonly Backlog _backlog;
    private readonly Arrivals _arrivals;
    private readonly Readiness _readiness;
    private readonly TimeProvider _time;
    private readonly ILogger<KafkaSource> _log;
    private KafkaSession? _session;

    public KafkaSource(KafkaOptions options, Backlog backlog, Arrivals arrivals, Readiness readiness, TimeProvider time, ILogger<KafkaSource> log)
    {
        (_options, _backlog, _arrivals, _readiness, _time, _log) = (options, backlog, arrivals, readiness, time, log);
        readiness.Announce(Assignment.Condition);
    }

    public async IAsyncEnumerable<Received> ReadAsync(Slots slots, [EnumeratorCancellation] CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var session = await OpenAsync();
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, session.Ended);
            while (await NextAsync(over.Token) is { } received)
            {
                yield return received;
            }

            if (session.Ended.IsCancellationRequested)
            {
                await session.Completion;
            }
        }

        _session?.TakeNoMore();
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _session, null) is { } session)
        {
            await session.EndAsync();
            session.Dispose();
        }
    }

    private async Task<KafkaSession> OpenAsync()
    {
        if (_session is { } last)
        {
            await last.EndAsync();
            last.Dispose();
        }

        return _session = new KafkaSession(_options, _backlog, _arrivals, _readiness, _time, _log);
    }

    private async Task<KafkaReceived?> NextAsync(CancellationToken ct)
    {
        try
        {
            return await _backlog.NextAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
