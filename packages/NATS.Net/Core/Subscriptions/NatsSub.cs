using System.Threading.Channels;

namespace NATS.Client.Core;

/// <summary>A subscription whose messages wait in a channel.</summary>
internal sealed class NatsSub<T> : NatsSubBase, INatsSub<T>
{
    private readonly Channel<NatsMsg<T>> _msgs;
    private readonly INatsDeserialize<T> _deserializer;
    private readonly bool _stopOnEmpty;
    private readonly bool _throwIfNoResponders;

    public NatsSub(NatsConnection connection, string subject, string? queueGroup, NatsSubOpts? opts, INatsDeserialize<T> deserializer)
        : base(connection, subject, queueGroup, opts)
    {
        _deserializer = deserializer;
        _stopOnEmpty = opts?.StopOnEmptyMsg ?? false;
        _throwIfNoResponders = opts?.ThrowIfNoResponders ?? false;
        var room = new BoundedChannelOptions(opts?.ChannelOpts?.Capacity ?? connection.Opts.SubPendingChannelCapacity)
        {
            FullMode = opts?.ChannelOpts?.FullMode ?? connection.Opts.SubPendingChannelFullMode,
            SingleWriter = true,
        };
        _msgs = Channel.CreateBounded<NatsMsg<T>>(room, dropped => connection.OnDropped(this, _msgs?.Reader.Count ?? 0, dropped));
    }

    public ChannelReader<NatsMsg<T>> Msgs => _msgs.Reader;

    internal override ValueTask Deliver(in WireMessage message)
    {
        if (_throwIfNoResponders && message.IsNoResponders)
        {
            EndWith(new NatsNoRespondersException());
            return default;
        }

        if (_stopOnEmpty && message.Payload.IsEmpty && !message.HasHeaders)
        {
            End(NatsSubEndReason.MaxMsgs);
            return default;
        }

        var msg = message.Read(Connection, _deserializer);
        if (_msgs.Writer.TryWrite(msg))
        {
            CountDown();
            return default;
        }

        return WaitForRoomAsync(msg);
    }

    internal override void Complete(Exception? exception) => _msgs.Writer.TryComplete(exception);

    private async ValueTask WaitForRoomAsync(NatsMsg<T> msg)
    {
        try
        {
            await _msgs.Writer.WriteAsync(msg).ConfigureAwait(false);
            CountDown();
        }
        catch (ChannelClosedException)
        {
            // The subscriber left while we waited for it.
        }
    }
}
