using System.Threading.Channels;

namespace NATS.Client.JetStream;

/// <summary>Calls the notification handler of one pull, one notification after the other, away from the reading loop.</summary>
internal sealed class PullNotifications : IAsyncDisposable
{
    /// <summary>A handler that cannot keep up loses the newest.</summary>
    private const int Capacity = 128;

    private readonly Channel<INatsJSNotification> _notifications = Channel.CreateBounded<INatsJSNotification>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Func<INatsJSNotification, CancellationToken, Task>? _handler;
    private readonly Action<Exception> _onFailure;
    private readonly CancellationTokenSource _stop;
    private readonly Task _calling;

    public PullNotifications(Func<INatsJSNotification, CancellationToken, Task>? handler, Action<Exception> onFailure, CancellationToken cancellationToken)
    {
        _handler = handler;
        _onFailure = onFailure;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _calling = handler is null ? Task.CompletedTask : Task.Run(CallAsync, CancellationToken.None);
    }

    public void Tell(INatsJSNotification notification)
    {
        if (_handler is not null)
            _notifications.Writer.TryWrite(notification);
    }

    public async ValueTask DisposeAsync()
    {
        _notifications.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _calling.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task CallAsync()
    {
        try
        {
            await foreach (var notification in _notifications.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
                await _handler!(notification, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The pull has ended.
        }
        catch (Exception exception)
        {
            _onFailure(exception);
        }
    }
}
