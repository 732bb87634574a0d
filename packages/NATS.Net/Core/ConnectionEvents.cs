using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>Calls event handlers one after the other, away from the loops that raise the events.</summary>
internal sealed class ConnectionEvents : IAsyncDisposable
{
    private readonly Channel<Func<Task>> _calls = Channel.CreateUnbounded<Func<Task>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ILogger _logger;
    private readonly Task _calling;

    public ConnectionEvents(ILogger logger)
    {
        _logger = logger;
        _calling = CallAsync();
    }

    public void Post<TArgs>(AsyncEventHandler<TArgs> handlers, object sender, string name, TArgs args) =>
        _calls.Writer.TryWrite(async () =>
        {
            foreach (var handler in Delegate.EnumerateInvocationList(handlers))
            {
                try
                {
                    await handler(sender, args).ConfigureAwait(false);
                }
                catch (Exception exception)
                {
                    Log.HandlerFailed(_logger, exception, name);
                }
            }
        });

    /// <summary>Events raised before are still told, but nobody waits for a slow handler.</summary>
    public ValueTask DisposeAsync()
    {
        _calls.Writer.TryComplete();
        return _calling.IsCompleted ? new ValueTask(_calling) : default;
    }

    private async Task CallAsync()
    {
        await foreach (var call in _calls.Reader.ReadAllAsync().ConfigureAwait(false))
            await call().ConfigureAwait(false);
    }
}
