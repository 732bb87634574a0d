using Connectors.Streams.Nats;
using Connectors.Testing;
using CsCheck;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Tests.Nats;

/// <summary>By which looks a stream is known to be another one, or to be restored.</summary>
public sealed class SeenStreamsTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Made = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    private NatsServer _server = null!;
    private TestLink _link = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await NatsServer.StartAsync();
        _link = await TestLink.OpenAsync(_server);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await _server.DisposeAsync();
    }

    // Looks come now and then, and one before a copy is put back; a copy is of any moment before.
    [Fact]
    public void Whatever_is_stored_and_acked_it_is_the_same_stream_until_a_copy_with_acked_messages_takes_its_place() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 30]).Array[1, 40].Sample(steps =>
        {
            var seen = new SeenStreams(_link.Link, TimeProvider.System);
            var (stream, copies) = (new WorkQueue(0, []), new List<WorkQueue>());
            Assert.False(IsAnother(seen, stream));
            foreach (var (kind, which) in steps)
            {
                if (kind == 0 && copies.Count > 0)
                {
                    Assert.False(IsAnother(seen, stream));
                    var copy = copies[which % copies.Count];
                    copies = copies[..(1 + (which % copies.Count))];
                    Assert.Equal(copy.Last < stream.Last || copy.Waiting.Except(stream.Waiting).Any(), IsAnother(seen, copy));
                    stream = copy;
                }
                else if (kind == 1)
                {
                    copies.Add(stream);
                }
                else
                {
                    stream = kind == 2 ? stream.Stored(which) : stream.Acked(which);
                    Assert.False(kind == 5 && IsAnother(seen, stream));
                }
            }
        });

    [Fact]
    public void One_that_was_made_at_another_time_is_another()
    {
        var seen = new SeenStreams(_link.Link, TimeProvider.System);

        Assert.False(IsAnother(seen, new WorkQueue(3, [])));
        Assert.True(IsAnother(seen, new WorkQueue(3, []), Made.AddTicks(1)));
        Assert.False(IsAnother(seen, new WorkQueue(3, []), Made.AddTicks(1)));
    }

    // After a power cut it was those very messages that were acked.
    [Fact]
    public async Task What_comes_back_with_a_new_connection_is_what_it_was()
    {
        var seen = new SeenStreams(_link.Link, TimeProvider.System);
        Assert.False(IsAnother(seen, new WorkQueue(9, [])));

        await _server.KillAsync();
        await _server.StartAgainAsync();
        await Eventually.HoldsAsync(() => _link.Reconnects > 0 && _link.Link.IsOpen, "it is connected again");

        Assert.False(IsAnother(seen, new WorkQueue(3, [1, 2])));
        Assert.True(IsAnother(seen, new WorkQueue(2, [1, 2])));
    }

    // Which of two looks at a time was first is not known.
    [Fact]
    public void A_look_that_was_begun_before_the_last_one_ended_says_nothing()
    {
        var seen = new SeenStreams(_link.Link, TimeProvider.System);
        var asked = TimeProvider.System.GetTimestamp();

        Assert.False(seen.IsAnother(Info(new WorkQueue(9, []), Made), asked));
        Assert.False(seen.IsAnother(Info(new WorkQueue(3, [1, 2]), Made), asked));
    }

    private static bool IsAnother(SeenStreams seen, WorkQueue stream, DateTimeOffset? made = null)
    {
        var asked = TimeProvider.System.GetTimestamp();
        return seen.IsAnother(Info(stream, made ?? Made), asked);
    }

    private static StreamInfo Info(WorkQueue stream, DateTimeOffset made) => new()
    {
        Config = new StreamConfig("s", ["s.>"]),
        Created = made,
        State = new StreamState
        {
            Messages = stream.Waiting.Count,
            FirstSeq = stream.Waiting.Count > 0 ? stream.Waiting[0] : stream.Last + 1,
            LastSeq = stream.Last,
        },
    };

    private sealed record WorkQueue(ulong Last, IReadOnlyList<ulong> Waiting)
    {
        public WorkQueue Stored(int count) => new(Last + (ulong)count, [.. Waiting, .. Enumerable.Range(1, count).Select(i => Last + (ulong)i)]);

        public WorkQueue Acked(int which) => Waiting.Count == 0 ? this : this with { Waiting = [.. Waiting.Where((_, i) => i != which % Waiting.Count)] };
    }
}
