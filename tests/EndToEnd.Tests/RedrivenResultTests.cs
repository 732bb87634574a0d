using System.Net;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>Who waits for the result of a call that was put back gets that of its new run.</summary>
public sealed class RedrivenResultTests
{
    [Theory]
    [InlineData("redrive")]
    [InlineData("edit")]
    [InlineData("many")]
    public async Task A_call_that_is_put_back_is_on_its_way_until_it_has_run_again(string how)
    {
        var (sends, gate) = (0, new TaskCompletionSource());
        await using var pipeline = await Pipeline.StartAsync(async (_, http) =>
        {
            if (Interlocked.Increment(ref sends) == 1)
            {
                http.Response.StatusCode = StatusCodes.Status400BadRequest;
                return;
            }

            await gate.Task.WaitAsync(http.RequestAborted);
        });
        using var accepted = await pipeline.CallAsync("work", [1], ("X-Store-Result", "10m"));
        var callId = accepted.Headers.GetValues("X-Call-Id").Single();
        await pipeline.EndsAsync(dead: 1);
        using var failed = await pipeline.ResultAsync(callId);
        var letter = (await pipeline.QueueAsync(HttpMethod.Get, "/dead"))!["items"]![0]!;

        await (how switch
        {
            "many" => pipeline.QueueAsync(HttpMethod.Post, "/redrives", new { reason = "failed" }),
            "edit" => pipeline.QueueAsync(HttpMethod.Post, $"/dead/{letter["seq"]}/edit", new { body = "again" }),
            _ => pipeline.QueueAsync(HttpMethod.Post, $"/dead/{letter["seq"]}/redrive"),
        });
        if (how == "many")
        {
            await pipeline.Function.ReceivesAsync(2);
        }

        using var waiting = await pipeline.ResultAsync(callId);
        gate.SetResult();
        await pipeline.EndsAsync(dead: 0);
        using var succeeded = await pipeline.ResultAsync(callId);

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.Accepted, HttpStatusCode.OK), (failed.StatusCode, waiting.StatusCode, succeeded.StatusCode));
    }
}
