using Connectors.Testing;
using Microsoft.Playwright;

namespace Connectors.Page.Tests;

/// <summary>Tests with browser windows, which are closed however a test ends: the page of a failed one would go on listening beside the next.</summary>
public abstract class WindowTests(PageSystem site) : IAsyncDisposable
{
    private readonly List<IBrowserContext> _windows = [];

    protected PageSystem Site => site;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var window in _windows)
        {
            await window.CloseAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>A fresh browser window, logged in, at one of the page's addresses.</summary>
    protected async Task<IPage> OpenAsync(string address = "/ui/", string user = PageSystem.Operator, Uri? gateway = null, BrowserNewContextOptions? window = null)
    {
        var page = await OpenLoggedOutAsync(address, gateway, window);
        await LogInAsync(page, user, PageSystem.Password);
        await page.Locator("h1:not(:text('Log in'))").WaitForAsync();
        return page;
    }

    /// <summary>A fresh browser window that nobody is logged in to.</summary>
    protected async Task<IPage> OpenLoggedOutAsync(string address = "/ui/", Uri? gateway = null, BrowserNewContextOptions? window = null)
    {
        var context = await site.NewWindowAsync(window);
        _windows.Add(context);
        var page = await context.NewPageAsync();
        await page.GotoAsync(new Uri(gateway ?? site.Url, address).AbsoluteUri);
        return page;
    }

    protected static async Task LogInAsync(IPage page, string user, string password)
    {
        await page.GetByLabel("Name").FillAsync(user);
        await page.GetByLabel("Password").FillAsync(password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Log in" }).ClickAsync();
    }

    /// <summary>Waits until a place of the page shows what the API tells, which may both change.</summary>
    protected static Task ShowsAsync(ILocator place, Func<Task<string?>> text) => Eventually.HoldsAsync(
        async () => await place.TextContentAsync() is { } shown && shown == await text(), () => $"the page shows the same as the API at {place}");
}
