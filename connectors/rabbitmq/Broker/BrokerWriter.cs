namespace Connectors.RabbitMq.Broker;

/// <summary>
/// The connection by which this process writes, from the first time that it does. The broker reads nothing more from a connection that writes while it
/// lacks memory or disk, and the acks that would end that have to be read: nothing is consumed over this one.
/// </summary>
internal sealed class BrokerWriter(BrokerDialer dialer) : IAsyncDisposable
{
    private readonly CancellationTokenSource _closing = new();

    // Guards the channel and who makes it: all others wait for the same.
    private readonly Lock _gate = new();
    private WritingChannel? _channel;
    private Task<WritingChannel>? _making;
    private BrokerConnection? _connection;

    /// <summary>The channel; a new one if there is none, or it has ended. Throws a <see cref="BrokerException"/>.</summary>
    public async Task<WritingChannel> OpenAsync(CancellationToken ct)
    {
        Task<WritingChannel> making;
        lock (_gate)
        {
            if (_channel is { IsOpen: true } open)
            {
                return open;
            }

            making = _making = _making is { IsCompleted: false } ? _making : MakeAsync();
        }

        return await making.WaitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        if (_making is Task making)
        {
            await making.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await CloseAsync();
        _closing.Dispose();
    }

    // One at a time.
    private async Task<WritingChannel> MakeAsync()
    {
        if (_connection is not { Ended.IsCompleted: false })
        {
            await CloseAsync();
            _connection = await dialer.OpenAsync("writes", _closing.Token);
        }

        var channel = await _connection.OpenWriterAsync(_closing.Token);
        lock (_gate)
        {
            _channel = channel;
        }

        return channel;
    }

    private async ValueTask CloseAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }
}
