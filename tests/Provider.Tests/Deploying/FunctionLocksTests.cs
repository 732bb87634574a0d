using Connectors.Provider.Deploying;
using Connectors.Sdk.Invocation;

namespace Connectors.Provider.Tests.Deploying;

public sealed class FunctionLocksTests
{
    private static readonly FunctionName Name = new("fn", "ns");

    [Fact]
    public async Task Who_gives_up_waiting_holds_nothing()
    {
        var locks = new FunctionLocks();
        using var patience = new CancellationTokenSource();
        var held = await locks.EnterAsync(Name, CancellationToken.None);
        var waiting = locks.EnterAsync(Name, patience.Token);
        Assert.False(waiting.IsCompleted);

        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        held.Dispose();

        using var next = await locks.EnterAsync(Name, CancellationToken.None);
        Assert.False(locks.EnterAsync(Name, CancellationToken.None).IsCompleted);
    }
}
