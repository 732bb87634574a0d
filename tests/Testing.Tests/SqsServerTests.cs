using System.Net.Http.Headers;
using System.Text;

namespace Connectors.Testing.Tests;

public class SqsServerTests
{
    [Fact]
    public async Task Lists_its_queues_and_forgets_them_when_killed()
    {
        await using var sqs = await SqsServer.StartAsync();
        await AskAsync(sqs, "CreateQueue", """{"QueueName":"orders"}""");
        Assert.Contains("/orders", await AskAsync(sqs, "ListQueues", "{}"), StringComparison.Ordinal);

        await sqs.KillAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => AskAsync(sqs, "ListQueues", "{}"));
        await sqs.StartAgainAsync();

        Assert.DoesNotContain("/orders", await AskAsync(sqs, "ListQueues", "{}"), StringComparison.Ordinal);
    }

    private static async Task<string> AskAsync(SqsServer sqs, string action, string body)
    {
        using var http = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, sqs.Url);
        request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/x-amz-json-1.0"));
        request.Headers.Add("X-Amz-Target", $"AmazonSQS.{action}");
        using var answer = await http.SendAsync(request);
        return await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }
}
