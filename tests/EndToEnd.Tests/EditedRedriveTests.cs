using System.Text;
using Microsoft.AspNetCore.Http;

namespace Connectors.EndToEnd.Tests;

/// <summary>A call that dies of its body, and runs once it was edited.</summary>
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
        Assert.All(pipeline.Function.Requests.Concat(pipeline.Callbacks.Requests), request => Assert.Equal(callId, request.CallId));
        Assert.Single(pipeline.Callbacks.Requests.Select(request => request.Header("webhook-id")).Distinct());
    }
}
