using System.CommandLine;
using System.Text.Json.Nodes;
using Connectors.Cli.Api;
using Connectors.Cli.Json;

namespace Connectors.Cli;

/// <summary>One run of a sub-command: what was asked for, whom to ask, where to write. Results go to standard output, all other words to standard error.</summary>
internal sealed class Session : IDisposable
{
    private readonly ParseResult _parsed;

    private Session(ParseResult parsed, GatewayClient gateway)
    {
        _parsed = parsed;
        Gateway = gateway;
    }

    public GatewayClient Gateway { get; }

    public bool IsJson => Value(SharedOptions.Json);

    public TextWriter Out => _parsed.InvocationConfiguration.Output;

    public TextWriter Error => _parsed.InvocationConfiguration.Error;

    public static Session Open(ParseResult parsed, bool mayReadInput = true)
    {
        var address = GatewayAddress.Find(parsed.GetValue(SharedOptions.Gateway));
        var credentials = Credentials.Find(
            address,
            parsed.GetValue(SharedOptions.User),
            parsed.GetValue(SharedOptions.PasswordFile),
            mayReadInput && parsed.GetValue(SharedOptions.PasswordStdin));
        return new Session(parsed, new GatewayClient(address, credentials, parsed.GetValue(SharedOptions.TlsNoVerify)));
    }

    public T? Value<T>(Option<T> option) => _parsed.GetValue(option);

    public T Value<T>(Argument<T> argument) => _parsed.GetRequiredValue(argument);

    public void Print(JsonNode json) => Out.WriteLine(ReadableJson.Text(json));

    /// <summary>What whoever submits the calls again has to know: the queue remembers keys, not what became of their calls.</summary>
    public void TellOfKeys() => Error.WriteLine(
        "Repeats with the same Idempotency-Key are taken for these calls, and do not run, until the gateway's nats_duplicate_window (2m unless set) is over: use new keys.");

    /// <summary>Returns if the operator wants it; <paramref name="question"/> is asked for only when somebody is there to answer it.</summary>
    public async Task ConfirmAsync(Func<Task<string>> question, CancellationToken ct)
    {
        if (Value(SharedOptions.Yes))
        {
            return;
        }

        if (Console.IsInputRedirected)
        {
            throw CommandFailure.Usage("This cannot be undone, and nobody is there to be asked: --yes goes ahead.");
        }

        await Error.WriteAsync($"{await question()} [y/N] ");
        using var input = new StreamReader(Console.OpenStandardInput());
        var answer = await input.ReadLineAsync(ct).AsTask().WaitAsync(ct);
        if (answer?.Trim().ToLowerInvariant() is not ("y" or "yes"))
        {
            throw new CommandFailure("Nothing was done.");
        }
    }

    public void Dispose() => Gateway.Dispose();
}
