using System.Text;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>Calls that died, of their body or of their caller's wish, and run once they are put back.</summary>
public sealed class EditedRedriveTests
{
    [Fact]
    public async Task A_dead_call_that_is_edited_runs_once_as_it_is_to_be_and_is_called_back_under_its_ids()
    {
        await using var pipeline = await Pipeline.StartAsync((request, http) =>
        {
            http.Response.StatusCode = request.Text == "good" ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest;
            return Task.CompletedTask;
        });
        using var accepted = await pipeline.CallAsync("work", Encoding.UTF8.GetBytes("bad"), ("X-Callback-Url", $"{pipeline.Callbacks.Url}in"), ("X-Tag", "old"));
        await pipeline.EndsAsync(dead: 1);
        var letter = (await pipeline.QueueAsync(HttpMethod.Get, "/dead"))!["items"]![0]!;

        await pipeline.QueueAsync(HttpMethod.Post, $"/dead/{letter["seq"]}/edit", new { function = "other", body = "good", headers = new Dictionary<string, string?> { ["X-Tag"] = "new" } });
        await pipeline.EndsAsync(dead: 0);

        var callId = accepted.Headers.GetValues("X-Call-Id").Single();
        Assert.Equal([("/", "bad", "old"), ("/other/", "good", "new")], pipeline.Function.Requests.Select(request => (request.Path, request.Text, request.Header("X-Tag"))));
        Assert.Equal(["400", "200"], pipeline.Callbacks.Requests.Select(request => request.Header("X-Function-Status")));
        Assert.Equal(["work", "other.openfaas-fn"], pipeline.Callbacks.Requests.Select(request => request.Header("X-Function-Name")));
        Assert.All(pipeline.Function.Requests.Concat(pipeline.Callbacks.Requests), request => Assert.Equal(callId, request.CallId));
        Assert.Single(pipeline.Callbacks.Requests.Select(request => request.Header("webhook-id")).Distinct());
    }

    [Fact]
    public async Task A_cancelled_call_that_is_redriven_runs_and_the_delayed_one_of_the_same_id_stays_cancelled()
    {
        var sends = 0;
        await using var pipeline = await Pipeline.StartAsync(
            (_, http) => Interlocked.Increment(ref sends) == 1 ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted) : Task.CompletedTask);
        using var first = await pipeline.CallAsync("work", [1], ("X-Call-Id", "pair"));
        await pipeline.Function.ReceivesAsync(1);
        using var delayed = await pipeline.CallAsync("other", [2], ("X-Call-Id", "pair"), ("X-Delay", "8s"));
        using var cancelled = await pipeline.CancelAsync("pair");
        var letter = await Eventually.GetAsync(async () => (await pipeline.QueueAsync(HttpMethod.Get, "/dead?function=work"))!["items"]!.AsArray().SingleOrDefault(), "the first is cancelled");

        await pipeline.QueueAsync(HttpMethod.Post, $"/dead/{letter["seq"]}/redrive");
        await pipeline.EndsAsync(dead: 1);

        Assert.Equal(["/", "/"], pipeline.Function.Requests.Select(request => request.Path));
        var left = Assert.Single((await pipeline.QueueAsync(HttpMethod.Get, "/dead"))!["items"]!.AsArray())!;
        Assert.Equal(("other.openfaas-fn", "cancelled"), (left["function"]!.ToString(), left["reason"]!.ToString()));
    }
}
