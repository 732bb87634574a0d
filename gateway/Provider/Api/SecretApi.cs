using System.Text;
using System.Text.RegularExpressions;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.State;

namespace Connectors.Provider.Api;

/// <summary>Secrets: list without values, create, update, delete.</summary>
internal sealed partial class SecretApi(ProviderOptions options, SecretStore secrets, NamespaceStore namespaces, Functions functions, Claims claims)
{
    public Task ListAsync(HttpContext http)
    {
        var ns = RequestNamespace.Of(http, options);
        List<FunctionSecret> all = [.. secrets.List(ns).Select(name => new FunctionSecret { Name = name, Namespace = ns })];
        return Answer.JsonAsync(http, StatusCodes.Status200OK, all, ProviderJson.Default.ListFunctionSecret);
    }

    public Task CreateAsync(HttpContext http) => WriteAsync(http, mustExist: false);

    public Task UpdateAsync(HttpContext http) => WriteAsync(http, mustExist: true);

    public Task DeleteAsync(HttpContext http) => ChangeAsync(
        http,
        mustExist: true,
        (ns, secret) =>
        {
            secrets.Delete(ns, secret.Name);
            return Task.CompletedTask;
        },
        (_, _) => Task.CompletedTask);

    // One that is new here may have functions that list it: they were deployed before it was deleted.
    private Task WriteAsync(HttpContext http, bool mustExist) => ChangeAsync(
        http,
        mustExist,
        (ns, secret) => secrets.WriteAsync(ns, secret.Name, secret.RawValue ?? Encoding.UTF8.GetBytes(secret.Value ?? "")),
        (ns, secret) => functions.RefreshAsync(ns, secret.Name));

    private async Task ChangeAsync(HttpContext http, bool mustExist, Func<string, FunctionSecret, Task> change, Func<string, FunctionSecret, Task> follow)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.FunctionSecret) is not { } given)
        {
            return;
        }

        var ns = RequestNamespace.Of(http, options, given.Namespace);
        if (await TryChangeAsync(ns, given, mustExist, change, http.RequestAborted) is { } refusal)
        {
            await Answer.TextAsync(http, refusal.Status, refusal.Text);
            return;
        }

        await follow(ns, given);
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    // Why it is refused; null if it was changed.
    private async Task<(int Status, string Text)?> TryChangeAsync(string ns, FunctionSecret given, bool mustExist, Func<string, FunctionSecret, Task> change, CancellationToken ct)
    {
        using var turn = await claims.EnterAsync(ct);
        if (!Name().IsMatch(given.Name))
        {
            return (StatusCodes.Status400BadRequest, $"name: ({given.Name}) is invalid; allowed: letters, digits, - _ and ., the first a letter or digit");
        }

        if (namespaces.Find(ns) is null)
        {
            return (StatusCodes.Status400BadRequest, $"namespace: there is no namespace {ns}");
        }

        if (secrets.Contains(ns, given.Name) != mustExist)
        {
            return mustExist
                ? (StatusCodes.Status404NotFound, $"secret {given.Name} not found")
                : (StatusCodes.Status409Conflict, $"secret {given.Name} exists already");
        }

        await change(ns, given);
        return null;
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}\z")]
    private static partial Regex Name();
}
