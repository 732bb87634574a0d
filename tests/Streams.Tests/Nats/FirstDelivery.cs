using Connectors.Streams.Nats;

namespace Connectors.Streams.Tests.Nats;

/// <summary>The first message that a consumer delivers.</summary>
internal sealed class FirstDelivery : IPullListener
{
    private readonly TaskCompletionSource<Delivery> _came = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<Delivery> Came => _came.Task;

    public void Delivered(Delivery delivery, bool wasAsked, int outstanding) => _came.TrySetResult(delivery);

    public void Returned(int unused, PullEnd why, int outstanding)
    {
        // Who waits pulls again.
    }
}
