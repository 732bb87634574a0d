using System.Net.Http.Headers;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;

namespace Connectors.Sqs.Tests;

/// <summary>Stands before the real server and answers in its place when the test says so: with what a server of AWS's may say and this one never does.</summary>
internal sealed class QueueProxy : IAsyncDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler());
    private readonly HttpLedger _ledger;

    private QueueProxy(HttpLedger ledger) => _ledger = ledger;

    public Uri Url => _ledger.Url;

    /// <summary>An answer in place of the server's: status and JSON, by operation and request; null for the server's own.</summary>
    public Func<string, RecordedRequest, (int Status, string Json)?> Instead { get; set; } = (_, _) => null;

    /// <summary>Awaited before a request goes on to the server, by operation. One whose sender gives it up meanwhile does not go on.</summary>
    public Func<string, Task> Hold { get; set; } = _ => Task.CompletedTask;

    public IEnumerable<RecordedRequest> Requests(string operation) => _ledger.Requests.Where(r => Operation(r) == operation);

    public static async Task<QueueProxy> StartAsync(Uri server)
    {
        QueueProxy? proxy = null;
        var ledger = await HttpLedger.StartAsync((request, http) => proxy!.AnswerAsync(server, request, http));
        return proxy = new QueueProxy(ledger);
    }

    /// <summary>An error as SQS writes it.</summary>
    public static (int, string) Error(string type, int status = 400) => (status, $$"""{"__type":"com.amazonaws.sqs#{{type}}","message":"said the proxy"}""");

    public async ValueTask DisposeAsync()
    {
        await _ledger.DisposeAsync();
        _http.Dispose();
    }

    private async Task AnswerAsync(Uri server, RecordedRequest request, HttpContext http)
    {
        http.Response.ContentType = "application/x-amz-json-1.0";
        if (Instead(Operation(request), request) is ({ } status, { } json))
        {
            http.Response.StatusCode = status;
            await http.Response.WriteAsync(json);
            return;
        }

        await Hold(Operation(request)).WaitAsync(http.RequestAborted);
        using var forwarded = new HttpRequestMessage(HttpMethod.Post, server) { Content = new ByteArrayContent(request.Body) };
        forwarded.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(request.Header("Content-Type")!);
        forwarded.Headers.TryAddWithoutValidation("X-Amz-Target", request.Header("X-Amz-Target"));
        forwarded.Headers.TryAddWithoutValidation("Authorization", request.Header("Authorization"));
        using var response = await _http.SendAsync(forwarded, http.RequestAborted);
        http.Response.StatusCode = (int)response.StatusCode;
        await response.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private static string Operation(RecordedRequest request) => request.Header("X-Amz-Target")?.Split('.')[^1] ?? "";
}
