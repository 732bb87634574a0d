using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Connectors.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Connectors.Page.Tests.PageSystem))]

namespace Connectors.Page.Tests;

/// <summary>The whole system as processes, and one browser, for all tests of the page.</summary>
public sealed class PageSystem : IAsyncLifetime
{
    public const string Operator = "admin";
    public const string Viewer = "guest";
    public const string Password = "s3cret";

    /// <summary>The collection of tests that look at what lies in the usual queue, and so run one after the other.</summary>
    public const string SharedQueue = "the usual queue";

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("page-");
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;
    private ServiceProcess _cron = null!;
    private string _secrets = "";
    private NatsServer _nats = null!;

    /// <summary>The functions <c>work</c>, <c>broken</c>, which refuses every call for good until it is mended, and <c>idle</c>, whose queue has no worker.</summary>
    public HttpLedger Function { get; private set; } = null!;

    public ServiceProcess Gateway { get; private set; } = null!;

    /// <summary>The worker of the usual queue.</summary>
    public ServiceProcess Worker { get; private set; } = null!;

    public Uri Url => Gateway.Api;

    /// <summary>Whether <c>broken</c> refuses calls.</summary>
    public bool IsBroken { get; set; } = true;

    /// <summary>Where callbacks may go.</summary>
    public Uri CallbackUrl => new(Function.Url, "callback");

    /// <summary>Whether callbacks are refused for now.</summary>
    public bool IsCallbackRefused { get; set; }

    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync();
        Function = await HttpLedger.StartAsync(AnswerAsync);
        Gateway = await StartGatewayAsync();
        _secrets = Directory.GetDirectories(_home.FullName).Select(home => Path.Combine(home, "secrets")).Single();
        Worker = await ServiceProcess.StartAsync("QueueWorker", new Dictionary<string, string>
        {
            ["nats_host"] = "127.0.0.1",
            ["nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
            ["gateway_url"] = Url.ToString(),
            ["max_inflight"] = "10",
            ["callback_allow"] = "127.0.0.1",
            ["callback_initial_wait"] = "200ms",
            ["callback_max_wait"] = "2s",
        });
        _cron = await StartCronAsync(Url);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Tools.Path("chromium"),
            Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            Timeout = (float)Eventually.Patience.TotalMilliseconds,
        });
    }

    public Task<ServiceProcess> StartCronAsync(Uri gateway) => StartConnectorAsync("CronConnector", gateway);

    /// <summary>A connector that reports to a gateway.</summary>
    public Task<ServiceProcess> StartConnectorAsync(string project, Uri gateway, params (string Name, string Value)[] options) => ServiceProcess.StartAsync(
        project,
        new Dictionary<string, string>([
            new("gateway_url", gateway.ToString()), new("basic_auth", "true"), new("secret_mount_path", _secrets), .. options.Select(option => KeyValuePair.Create(option.Name, option.Value))]));

    /// <summary>A gateway beside the first, on the same NATS unless it is to have none.</summary>
    public Task<ServiceProcess> StartGatewayAsync(params (string Name, string Value)[] options) => StartGatewayAsync([], options);

    /// <summary>The same, with more functions than the usual ones, each with a schedule.</summary>
    public async Task<ServiceProcess> StartGatewayAsync(IEnumerable<string> scheduled, params (string Name, string Value)[] options)
    {
        var home = _home.CreateSubdirectory(Guid.NewGuid().ToString("N"));
        var secrets = home.CreateSubdirectory("secrets").FullName;
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-user"), Operator);
        await File.WriteAllTextAsync(Path.Combine(secrets, "basic-auth-password"), Password);
        await File.WriteAllTextAsync(Path.Combine(secrets, "ui_viewers"), $"{Viewer}:{Password}\nother:with:colons\n");
        var functions = Path.Combine(home.FullName, "functions.yaml");
        await File.WriteAllTextAsync(functions, $$"""
            version: "1.0"
            provider:
              name: openfaas
            functions:
              work: { image: test/work, environment: { upstream_url: {{Function.Url}}work/ } }
              broken: { image: test/broken, environment: { upstream_url: {{Function.Url}}broken/ } }
              idle: { image: test/idle, environment: { upstream_url: {{Function.Url}}idle/ }, annotations: { com.openfaas.queue: reports } }
              hourly: { image: test/hourly, environment: { upstream_url: {{Function.Url}}hourly/ }, annotations: { topic: cron-function, schedule: "0 * * * *" } }
            """
            + string.Concat(scheduled.Select(name => $"\n  {name}: {{ image: test/{name}, environment: {{ upstream_url: {Function.Url}work/ }}, annotations: {{ topic: cron-function, schedule: \"0 0 1 1 *\" }} }}")));
        var environment = new Dictionary<string, string>
        {
            ["faas_nats_address"] = "127.0.0.1",
            ["faas_nats_port"] = _nats.Port.ToString(CultureInfo.InvariantCulture),
            ["functions_path"] = functions,
            ["data_path"] = Path.Combine(home.FullName, "data"),
            ["secret_mount_path"] = secrets,
            ["nats_publish_timeout"] = "20s",
        };
        foreach (var (name, value) in options)
        {
            environment[name] = value;
        }

        return await ServiceProcess.StartAsync("Gateway", environment);
    }

    /// <summary>An asynchronous call, as any caller makes it.</summary>
    public async Task CallAsync(string function, byte[] body, string type = "text/plain", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Url, $"/async-function/{function}")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new(type);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await _http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }

    /// <summary>Calls of <c>broken</c> until so many more dead letters lie there.</summary>
    public async Task DeadAsync(params byte[][] bodies)
    {
        // What was put back while the function was mended, and has not run yet, would die again and be counted among these.
        await Eventually.HoldsAsync(async () => await CountAsync("calls") == 0, "what ran before has ended");
        IsBroken = true;
        var before = await CountAsync("dead");
        await Task.WhenAll(bodies.Select(body => CallAsync("broken", body)));
        await Eventually.HoldsAsync(async () => await CountAsync("dead") >= before + bodies.Length, "the calls are dead letters");
    }

    /// <summary>A figure of the default queue, as the API tells it.</summary>
    public async Task<long> CountAsync(string figure) => (long?)(await ApiAsync(HttpMethod.Get, "/system/queues/faas-request"))?[figure] ?? 0;

    /// <summary>
    /// How many things the operator's acts of one kind have changed since then. Acts in a row are one entry, with the time of the last: what was done just before counts
    /// too, and what others did in between parts them.
    /// </summary>
    public async Task<long> ActedAsync(string method, string path, DateTimeOffset since) =>
        (await ApiAsync(HttpMethod.Get, "/system/overview/acts"))!.AsArray()
            .Where(act => (string)act!["method"]! == method && (string)act["path"]! == path && (string)act["who"]! == Operator && (DateTimeOffset)act["at"]! >= since)
            .Sum(act => (long)act!["count"]!);

    /// <summary>The API with the operator's credentials; null for 404.</summary>
    public async Task<JsonNode?> ApiAsync(HttpMethod method, string path, object? body = null)
    {
        using var answer = await SendAsync(method, path, body, ("Authorization", "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Operator}:{Password}"))));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotFound, $"{method} {path}: {(int)answer.StatusCode} {text}");
        return answer.IsSuccessStatusCode && text.Length > 0 ? JsonNode.Parse(text) : null;
    }

    /// <summary>A request with exactly these headers.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Url, path)) { Content = body is null ? null : JsonContent.Create(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _http.SendAsync(request);
    }

    /// <summary>The cookie of a fresh login.</summary>
    public async Task<string> CookieAsync(string user)
    {
        using var answer = await SendAsync(HttpMethod.Post, "/ui/session", new { user, password = Password }, ("X-Connectors-Page", "1"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    /// <summary>Undoes what a test that was broken off may have left to those after it.</summary>
    public async Task ResetAsync()
    {
        (IsBroken, IsCallbackRefused) = (true, false);
        foreach (var held in new[] { "faas-request/functions/work", "faas-request/functions/hourly", "reports" })
        {
            await ApiAsync(HttpMethod.Post, $"/system/queues/{held}/resume");
        }

        await ApiAsync(HttpMethod.Delete, "/system/functions", new { functionName = "away" });
    }

    /// <summary>A fresh browser window.</summary>
    public async Task<IBrowserContext> NewWindowAsync(BrowserNewContextOptions? window = null)
    {
        var context = await _browser.NewContextAsync(window ?? new BrowserNewContextOptions { ViewportSize = new() { Width = 1280, Height = 900 } });
        context.SetDefaultTimeout((float)Eventually.Patience.TotalMilliseconds);
        return context;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await (_browser?.DisposeAsync() ?? ValueTask.CompletedTask);
        _playwright?.Dispose();
        await (_cron?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Worker?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Gateway?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Function?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_nats?.DisposeAsync() ?? ValueTask.CompletedTask);
        _home.Delete(recursive: true);
    }

    // A document, or a script for a service worker; with the headers and the status that the caller names in its own, or in the query.
    private static async Task WorkAsync(RecordedRequest request, HttpContext http)
    {
        var isScript = request.Path.EndsWith(".js", StringComparison.Ordinal);
        http.Response.ContentType = isScript ? "text/javascript" : "text/html";
        if (isScript)
        {
            http.Response.Headers["Service-Worker-Allowed"] = "/";
        }

        foreach (var line in (request.Header("X-Answer") ?? http.Request.Query["answer"].ToString()).Split(" | ", StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(':', 2)))
        {
            http.Response.Headers.Append(line[0], line[1]);
        }

        http.Response.StatusCode = int.Parse(request.Header("X-Answer-Status") ?? "200", CultureInfo.InvariantCulture);
        await http.Response.WriteAsync(isScript ? "" : "<script>document.title = document.origin</script>done");
    }

    private async Task AnswerAsync(RecordedRequest request, HttpContext http)
    {
        if (request.Path.StartsWith("/broken", StringComparison.Ordinal) && IsBroken)
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            await http.Response.WriteAsync("<script>document.title = 'run'</script>");
        }
        else if (request.Path == CallbackUrl.AbsolutePath && IsCallbackRefused)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
        else if (request.Path.StartsWith("/work", StringComparison.Ordinal))
        {
            await WorkAsync(request, http);
        }
    }
}
