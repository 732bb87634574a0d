using Connectors.Sdk.Hosting;
using Connectors.Sdk.Topics;
using Connectors.Sqs.Queues;
using Microsoft.Extensions.Logging;

namespace Connectors.Sqs.Receiving;

/// <summary>Whether a queue is wanted and can be read, for those who read it and for the operator.</summary>
internal sealed class QueueWatch
{
    private readonly QueueAddress _queue;
    private readonly LatestTopicMap _topics;
    private readonly Readiness _readiness;
    private readonly ILogger _log;
    private volatile bool _isRead;
    private volatile bool _isUnwanted;
    private volatile bool _isHeld;

    public QueueWatch(QueueAddress queue, LatestTopicMap topics, Readiness readiness, ILogger log)
    {
        (_queue, _topics, _readiness, _log) = (queue, topics, readiness, log);
        readiness.Announce(Condition);
        Metrics.Begin(queue.Name);
        Metrics.Readable(queue.Name, false);
    }

    private string Condition => "queue " + _queue.Name;

    /// <summary>Whether some function wants the queue's messages.</summary>
    public bool IsWanted => _topics.Value.Match(_queue.Name).Count > 0;

    /// <summary>Waits until some function wants the queue's messages: what nobody wants stays where it is.</summary>
    public async Task WantedAsync(CancellationToken ct)
    {
        if (!_isUnwanted && !IsWanted)
        {
            _isUnwanted = true;
            _readiness.Met(Condition);
            Metrics.Readable(_queue.Name, true);
            Log.Unwanted(_log, _queue.Name);
        }

        await _topics.UntilAsync(_queue.Name, isWanted: true, ct);
        _isUnwanted = false;
    }

    /// <summary>A receive succeeded.</summary>
    public void Read()
    {
        if (!_isRead && !_isHeld)
        {
            _isRead = true;
            _readiness.Met(Condition);
            Metrics.Readable(_queue.Name, true);
            Log.Reading(_log, _queue.Name, _queue.Url, _queue.Region);
        }
    }

    /// <summary>Nothing more is received until some of what is done was deleted.</summary>
    public void Held()
    {
        if (!_isHeld)
        {
            _isHeld = true;
            _isRead = false;
            _readiness.Lost(Condition, "what is done cannot be deleted, and nothing more is received until it is");
            Metrics.Readable(_queue.Name, false);
            Log.Held(_log, _queue.Name);
        }
    }

    /// <summary>It was: the next receive shows whether the queue can be read.</summary>
    public void Released() => _isHeld = false;

    /// <summary>A receive failed, and is repeated after so long.</summary>
    public void Failed(Exception fault, TimeSpan delay)
    {
        var why = QueueFault.Of(fault, _queue);
        _isRead = false;
        _readiness.Lost(Condition, why.Text);
        Metrics.Readable(_queue.Name, false);
        Metrics.Failed(_queue.Name, "receive", why.Kind);
        Log.ReceiveFailed(_log, _queue.Name, why.Kind, why.Text, delay);
    }

    /// <summary>It is not read any more, which is no fault of the queue's; or read anew after a while.</summary>
    public void Stopped()
    {
        (_isRead, _isUnwanted, _isHeld) = (false, false, false);
        Metrics.Stopped(_queue.Name);
    }

    /// <summary>Said once: without a redrive policy a message that always fails is received for as long as the queue keeps it.</summary>
    public void Redrive(bool? hasPolicy)
    {
        if (hasPolicy == false)
        {
            Log.NoRedrivePolicy(_log, _queue.Name);
        }
    }
}
