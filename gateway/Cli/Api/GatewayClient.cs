using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Connectors.Cli.Printing;

namespace Connectors.Cli.Api;

/// <summary>The gateway over HTTP. What goes wrong is a <see cref="CommandFailure"/> that an operator understands.</summary>
internal sealed class GatewayClient(Uri address, Credentials? credentials, bool tlsNoVerify) : IDisposable
{
    /// <summary>How long it may say nothing.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _root = address.AbsoluteUri.TrimEnd('/');
    private readonly HttpClient _http = new(Connections(address, tlsNoVerify)) { Timeout = Patience };

    /// <summary>The answer whatever its status, its body not read yet.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(_root + path))
        {
            Content = body is null ? null : new StringContent(body.ToJsonString(), new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Authorization = credentials?.Header;
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("connectors", typeof(GatewayClient).Assembly.GetName().Version?.ToString(3)));
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException fault) when (fault.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            throw new CommandFailure($"The gateway {_root} cannot be trusted: {Innermost(fault)} --tls-no-verify takes its certificate as it is.");
        }
        catch (HttpRequestException fault)
        {
            throw new CommandFailure($"The gateway {_root} does not answer: {Innermost(fault)}. Is it running? --gateway or OPENFAAS_URL names another.") { MayPass = true };
        }
        catch (TaskCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Silent();
        }
    }

    /// <summary>The answer if it says yes, its body not read yet.</summary>
    public async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path, JsonObject? body, CancellationToken ct)
    {
        var answer = await SendAsync(method, path, body, ct);
        if (answer.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            throw await RefusalAsync(answer, ct);
        }
    }

    /// <summary>The JSON of an answer that says yes.</summary>
    public async Task<JsonNode> JsonAsync(HttpMethod method, string path, JsonObject? body, CancellationToken ct)
    {
        using var answer = await AskAsync(method, path, body, ct);
        return await ReadAsync(answer, ct);
    }

    /// <summary>The same for what may be missing; null if it is.</summary>
    public async Task<JsonNode?> FindJsonAsync(string path, CancellationToken ct)
    {
        using var answer = await SendAsync(HttpMethod.Get, path, null, ct);
        return answer.StatusCode == HttpStatusCode.NotFound ? null
            : answer.IsSuccessStatusCode ? await ReadAsync(answer, ct)
            : throw await RefusalAsync(answer, ct);
    }

    /// <summary>What answers is no gateway of ours.</summary>
    public CommandFailure IsOther() => new($"What answers at {_root} has no queues: is it a gateway of Connectors?");

    /// <summary>What an answer that says no means.</summary>
    public async Task<CommandFailure> RefusalAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.StatusCode == HttpStatusCode.Unauthorized)
        {
            return new CommandFailure(credentials is null
                ? $"The gateway {_root} wants credentials: faas-cli login stores them, or give --user and --password-file."
                : $"The gateway {_root} refuses these credentials ({credentials.Origin}).");
        }

        if (answer.Headers.Location is { } elsewhere)
        {
            return new CommandFailure($"The gateway {_root} sends to {Plain.OneLine(elsewhere.ToString())}: name that with --gateway.");
        }

        string text;
        try
        {
            text = Plain.OneLine(Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync(ct).WaitAsync(Patience, TimeProvider.System, ct)).Trim());
        }
        catch (HttpRequestException fault)
        {
            return BrokeOff(fault);
        }
        catch (TimeoutException)
        {
            return Silent();
        }

        return new CommandFailure($"The gateway {_root} refuses ({(int)answer.StatusCode}): {(text.Length > 0 ? text : answer.ReasonPhrase)}")
        {
            MayPass = answer.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout,
        };
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonNode> ReadAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        try
        {
            return JsonNode.Parse(await answer.Content.ReadAsByteArrayAsync(ct).WaitAsync(Patience, TimeProvider.System, ct)) ?? throw IsOther();
        }
        catch (JsonException)
        {
            throw IsOther();
        }
        catch (HttpRequestException fault)
        {
            throw BrokeOff(fault);
        }
        catch (TimeoutException)
        {
            throw Silent();
        }
    }

    private CommandFailure Silent() => new($"The gateway {_root} did not answer within {Patience.TotalSeconds} seconds.") { MayPass = true };

    private CommandFailure BrokeOff(HttpRequestException fault) => new($"The gateway {_root} broke off: {Innermost(fault)}.") { MayPass = true };

    private static SocketsHttpHandler Connections(Uri address, bool tlsNoVerify)
    {
        var connections = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = !address.IsLoopback };
        if (tlsNoVerify)
        {
            connections.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        }

        return connections;
    }

    private static string Innermost(Exception fault) => Plain.OneLine(fault.GetBaseException().Message);
}
