using System.Net.Http.Headers;
using System.Text.Json;
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

    /// <summary>Awaited before a request is answered, here or by the server, by operation. One whose sender gives it up meanwhile goes no further.</summary>
    public Func<string, Task> Hold { get; set; } = _ => Task.CompletedTask;

    /// <summary>Whether an answer is lost on its way, by operation, request and answer: the connection of whoever waits for it ends instead.</summary>
    public Func<string, RecordedRequest, string, bool> Loses { get; set; } = (_, _, _) => false;

    public IEnumerable<RecordedRequest> Requests(string operation) => _ledger.Requests.Where(r => Operation(r) == operation);

    public static async Task<QueueProxy> StartAsync(Uri server)
    {
        QueueProxy? proxy = null;
        var ledger = await HttpLedger.StartAsync((request, http) => proxy!.AnswerAsync(server, request, http));
        return proxy = new QueueProxy(ledger);
    }

    /// <summary>An error as SQS writes it.</summary>
    public static (int, string) Error(string type, int status = 400) => (status, $$"""{"__type":"com.amazonaws.sqs#{{type}}","message":"said the proxy"}""");

    /// <summary>The entries of a batch.</summary>
    public static List<(string Id, string Receipt)> Entries(RecordedRequest request)
    {
        using var json = JsonDocument.Parse(request.Body);
        return [.. json.RootElement.GetProperty("Entries").EnumerateArray().Select(e => (e.GetProperty("Id").GetString()!, e.GetProperty("ReceiptHandle").GetString()!))];
    }

    /// <summary>An entry that was not carried out, as SQS writes it.</summary>
    public static string Failed(string id, string code, bool isSenders) =>
        $$"""{"Id":"{{id}}","Code":"{{code}}","SenderFault":{{(isSenders ? "true" : "false")}},"Message":"said the proxy"}""";

    public async ValueTask DisposeAsync()
    {
        await _ledger.DisposeAsync();
        _http.Dispose();
    }

    private async Task AnswerAsync(Uri server, RecordedRequest request, HttpContext http)
    {
        var operation = Operation(request);
        await Hold(operation).WaitAsync(http.RequestAborted);
        var (status, json) = Instead(operation, request) ?? await ForwardAsync(server, request, http.RequestAborted);
        if (Loses(operation, request, json))
        {
            http.Abort();
            return;
        }

        http.Response.StatusCode = status;
        http.Response.ContentType = "application/x-amz-json-1.0";
        await http.Response.WriteAsync(json, http.RequestAborted);
    }

    private async Task<(int Status, string Json)> ForwardAsync(Uri server, RecordedRequest request, CancellationToken ct)
    {
        using var forwarded = new HttpRequestMessage(HttpMethod.Post, server) { Content = new ByteArrayContent(request.Body) };
        forwarded.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(request.Header("Content-Type")!);
        forwarded.Headers.TryAddWithoutValidation("X-Amz-Target", request.Header("X-Amz-Target"));
        forwarded.Headers.TryAddWithoutValidation("Authorization", request.Header("Authorization"));
        using var response = await _http.SendAsync(forwarded, ct);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(ct));
    }

    private static string Operation(RecordedRequest request) => request.Header("X-Amz-Target")?.Split('.')[^1] ?? "";
}
