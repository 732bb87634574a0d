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

    private static Task<ProcessPort?> TakeAsync(int number, CancellationToken leaving = default, CancellationToken ct = default) => ProcessPort.TryTakeAsync(number, leaving, ct);
}
