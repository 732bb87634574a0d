using Connectors.QueueWorker.Callbacks;

namespace Connectors.QueueWorker.Tests;

/// <summary>Whom a callback's address means.</summary>
public sealed class ReceiverNameTests
{
    private static readonly Uri Gateway = new("http://gateway:8080");

    [Theory]
    [InlineData("http://Hooks.Example.com./a?b", "hooks.example.com:80")]
    [InlineData("https://me:secret@hooks.example.com/", "hooks.example.com:443")]
    [InlineData("http://127.0.0.1:9/", "127.0.0.1:9")]
    public void A_receiver_is_host_and_port_however_they_are_written(string url, string receiver) => Assert.Equal(receiver, CallbackUrl.Of(url)!.Receiver(Gateway));

    [Theory]
    [InlineData("http://Gateway:8080/function/a", "gateway:8080/function/a")]
    [InlineData("http://gateway:8080/async-function/b.ns/x?y", "gateway:8080/async-function/b.ns")]
    [InlineData("http://gateway:8080/inbox/a", "gateway:8080")]
    [InlineData("http://elsewhere:8080/function/a", "elsewhere:8080")]
    public void Behind_our_own_gateway_each_function_is_a_receiver_by_itself(string url, string receiver) =>
        Assert.Equal(receiver, CallbackUrl.Of(url)!.Receiver(Gateway));
}
