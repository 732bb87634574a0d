using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Connectors.Gateway.History;
using Connectors.Gateway.Page;
using Connectors.Gateway.Queues;

namespace Connectors.Gateway.Tests;

/// <summary>What callers of the API read: its keys, in their order.</summary>
public sealed class ShownJsonTests
{
    public static TheoryData<string, string> Shown => new()
    {
        { nameof(QueueCounts), "name calls delayed held callbacks dead paused pausedFunctions unreachableFunctions unknown" },
        { nameof(QueueStats), "name calls running delayed held callbacks dead bytes oldestAt paused functions" },
        { nameof(FunctionCounts), "function calls delayed held callbacks dead paused breaker" },
        { nameof(DeadLetterItem), "seq callId deliveryId redrive function kind reason status attempts firstAt lastAt size tags" },
        { nameof(PauseView), "reason by at" },
        { nameof(BreakerView), "reason at probeAt" },
        { nameof(CallItem), "callId deliveryId function queue state reason status attempts redrive submittedAt endedAt seconds tags" },
        {
            nameof(QueueView),
            "name error waiting running retrying delayed held callbacks dead bytes oldestAt inPerSecond outPerSecond workers mode paused heldFunctions holds"
        },
        { nameof(FunctionView), "name namespace image replicas available calls failed p50 p99 queue hold topics schedule nextDue" },
    };

    private static readonly JsonTypeInfo[] Types =
    [
        QueuesJson.Default.QueueCounts, QueuesJson.Default.QueueStats, QueuesJson.Default.FunctionCounts, QueuesJson.Default.DeadLetterItem, QueuesJson.Default.PauseView,
        QueuesJson.Default.BreakerView, HistoryJson.Default.CallItem, PageJson.Default.QueueView, PageJson.Default.FunctionView,
    ];

    [Theory]
    [MemberData(nameof(Shown))]
    public void Keys_and_their_order_stay(string type, string keys) =>
        Assert.Equal(keys.Split(' '), Types.Single(one => one.Type.Name == type).Properties.Select(property => property.Name));

    [Fact]
    public void What_nobody_tells_of_a_queue_is_null_and_only_unknown_is_left_out()
    {
        var queue = new QueueCounts
        {
            Name = "q",
            Calls = null,
            Delayed = null,
            Held = null,
            Callbacks = 0,
            Dead = 1,
            Paused = null,
            PausedFunctions = [],
            UnreachableFunctions = [],
            Unknown = null,
        };

        Assert.Equal(
            """{"name":"q","calls":null,"delayed":null,"held":null,"callbacks":0,"dead":1,"paused":null,"pausedFunctions":[],"unreachableFunctions":[]}""",
            JsonSerializer.Serialize(queue, QueuesJson.Default.QueueCounts));
    }
}
