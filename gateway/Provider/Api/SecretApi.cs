using System.Text;
using System.Text.RegularExpressions;
using Connectors.Provider.Contracts;
using Connectors.Provider.Deploying;
using Connectors.Provider.State;

namespace Connectors.Provider.Api;

/// <summary>Secrets: list without values, create, update, delete.</summary>
internal sealed partial class SecretApi(ProviderOptions options, SecretStore secrets, NamespaceStore namespaces, Functions functions)
{
    public Task ListAsync(HttpContext http)
    {
        var ns = RequestNamespace.Of(http, options);
        List<FunctionSecret> all = [.. secrets.List(ns).Select(name => new FunctionSecret { Name = name, Namespace = ns })];
        return Answer.JsonAsync(http, StatusCodes.Status200OK, all, ProviderJson.Default.ListFunctionSecret);
    }

    public Task CreateAsync(HttpContext http) => ChangeAsync(http, mustExist: false, WriteAsync);

    public Task UpdateAsync(HttpContext http) => ChangeAsync(http, mustExist: true, WriteAsync);

    public Task DeleteAsync(HttpContext http) => ChangeAsync(http, mustExist: true, (ns, secret) =>
    {
        secrets.Delete(ns, secret.Name);
        return Task.CompletedTask;
    });

    private async Task ChangeAsync(HttpContext http, bool mustExist, Func<string, FunctionSecret, Task> change)
    {
        if (await RequestJson.ReadAsync(http, ProviderJson.Default.FunctionSecret) is not { } given)
        {
            return;
        }

        var ns = RequestNamespace.Of(http, options, given.Namespace);
        if (!Name().IsMatch(given.Name))
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"name: ({given.Name}) is invalid; allowed: letters, digits, - _ and ., the first a letter or digit");
        }
        else if (namespaces.Find(ns) is null)
        {
            await Answer.TextAsync(http, StatusCodes.Status400BadRequest, $"namespace: there is no namespace {ns}");
        }
        else if (secrets.Contains(ns, given.Name) != mustExist)
        {
            await (mustExist
                ? Answer.TextAsync(http, StatusCodes.Status404NotFound, $"secret {given.Name} not found")
                : Answer.TextAsync(http, StatusCodes.Status409Conflict, $"secret {given.Name} exists already"));
        }
        else
        {
            await change(ns, given);
            http.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    // One that is new here may have functions that list it: they were deployed before it was deleted.
    private async Task WriteAsync(string ns, FunctionSecret secret)
    {
        await secrets.WriteAsync(ns, secret.Name, secret.RawValue ?? Encoding.UTF8.GetBytes(secret.Value ?? ""));
        await functions.RefreshAsync(ns, secret.Name);
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}\z")]
    private static partial Regex Name();
}
