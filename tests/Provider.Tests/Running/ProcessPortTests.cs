using Connectors.Provider.Running;
using Connectors.Testing;

namespace Connectors.Provider.Tests.Running;

public sealed class ProcessPortTests
{
    [Fact]
    public async Task Who_is_on_its_way_out_leaves_its_port_to_who_waits_and_nobody_else_does()
    {
        var number = FreePort.Next();
        using var leaving = new CancellationTokenSource();
        using var patience = new CancellationTokenSource();
        using var first = await TakeAsync(number, leaving.Token);
        Assert.Null(await TakeAsync(number));

        await leaving.CancelAsync();
        var given = TakeAsync(number);
        var leftAlone = TakeAsync(number, ct: patience.Token);
        Assert.False(given.IsCompleted);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leftAlone);

        first!.Dispose();
        using var next = await given;
        Assert.Equal(number, next!.Number);
        Assert.Null(await TakeAsync(number));
    }

    // As when a function holds them all. The replica that wants one is started again after its pause.
    [Fact]
    public void Where_no_port_is_free_looking_for_one_ends()
    {
        var tried = new HashSet<int>();
        bool IsFree(int port)
        {
            tried.Add(port);
            return false;
        }

        var fault = Assert.Throws<InvalidOperationException>(() => ProcessPort.Take(IsFree, CancellationToken.None));

        Assert.StartsWith("of the ports from 10000 to ", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith(" were tried and none is free", fault.Message, StringComparison.Ordinal);
        Assert.InRange(tried.Count, 100, int.MaxValue);
        using var other = ProcessPort.Take(tried.Contains, CancellationToken.None);
        Assert.Contains(other.Number, tried);
    }

    private static Task<ProcessPort?> TakeAsync(int number, CancellationToken leaving = default, CancellationToken ct = default) => ProcessPort.TryTakeAsync(number, leaving, ct);
}
