using System.Collections;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// The response of a guarded endpoint. No shared cache stores it, because a cache answers without asking the guard. It also records which
/// policies the request has met.
/// </summary>
/// <remarks>
/// <para>
/// <c>Cache-Control</c> is <c>private</c> (RFC 9111 section 5.2.2.7) or <c>no-store</c>, whatever the endpoint or other middleware sets. <c>Vary</c>
/// can't express the requirement, because no request header says over which transport the request arrived.
/// </para>
/// <para>
/// It wraps the header collection instead of correcting the header in <c>OnStarting</c>: response caching decides earlier than that, and a
/// callback that middleware in front registered runs later.
/// </para>
/// </remarks>
internal sealed class GuardedResponse : IHttpResponseFeature, IHeaderDictionary
{
    private readonly IHttpResponseFeature _response;
    private IHeaderDictionary _headers;
    private string[] _policies;

    // The header is the default that this class has added. The application does not see it, and can add its own.
    private bool _isDefault;

    private GuardedResponse(IHttpResponseFeature response, string[] policies)
    {
        _response = response;
        _headers = response.Headers;
        _policies = policies;
        this[HeaderNames.CacheControl] = _headers.CacheControl;
    }

    public int StatusCode
    {
        get => _response.StatusCode;
        set => _response.StatusCode = value;
    }

    public string? ReasonPhrase
    {
        get => _response.ReasonPhrase;
        set => _response.ReasonPhrase = value;
    }

    public IHeaderDictionary Headers
    {
        get => this;
        set
        {
            // Code that saves the headers and restores them has this object.
            if (!ReferenceEquals(value, this))
            {
                _response.Headers = _headers = value;
                this[HeaderNames.CacheControl] = value.CacheControl;
            }
        }
    }

    [Obsolete("Use IHttpResponseBodyFeature.Stream instead.")]
    public Stream Body
    {
        get => _response.Body;
        set => _response.Body = value;
    }

    public bool HasStarted => _response.HasStarted;

    public long? ContentLength
    {
        get => _headers.ContentLength;
        set => _headers.ContentLength = value;
    }

    public ICollection<string> Keys => _headers.Keys;

    public ICollection<StringValues> Values => _headers.Values;

    public int Count => _headers.Count;

    public bool IsReadOnly => _headers.IsReadOnly;

    [AllowNull]
    public StringValues this[string key]
    {
        get => IsHidden(key) ? default : _headers[key];
        set
        {
            if (IsCacheControl(key))
            {
                _isDefault = StringValues.IsNullOrEmpty(value);
                value = MakePrivate(value);
            }

            _headers[key] = value;
        }
    }

    /// <summary>Whether the request has met all of these policies already.</summary>
    public static bool HasMet(HttpContext context, ReadOnlySpan<string> policies)
    {
        if (context.Features.Get<IHttpResponseFeature>() is not GuardedResponse guarded)
        {
            return false;
        }

        foreach (var policy in policies)
        {
            if (!guarded._policies.AsSpan().Contains(policy))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Keeps the response out of shared caches from here on.</summary>
    /// <param name="context">The request.</param>
    /// <param name="policies">The policies that it has met.</param>
    public static void Begin(HttpContext context, string[] policies)
    {
        OutputCache.Prevent(context);
        var response = context.Features.GetRequiredFeature<IHttpResponseFeature>();
        if (response is GuardedResponse guarded)
        {
            guarded._policies = [.. guarded._policies, .. policies];
        }
        else if (!response.HasStarted)
        {
            context.Features.Set<IHttpResponseFeature>(new GuardedResponse(response, policies));
        }
        else if (response.Headers.CacheControl.ToString().Contains(CacheControlHeaderValue.PublicString, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException(
                "The response has started with \"Cache-Control: public\" before the endpoint that requires Multipath TCP: a cache would serve it over TCP.");
        }
    }

    public void OnStarting(Func<object, Task> callback, object state) => _response.OnStarting(callback, state);

    public void OnCompleted(Func<object, Task> callback, object state) => _response.OnCompleted(callback, state);

    public void Add(string key, StringValues value)
    {
        if (IsHidden(key))
        {
            this[key] = value;
        }
        else
        {
            ((IDictionary<string, StringValues>)_headers).Add(key, value);
        }
    }

    public void Add(KeyValuePair<string, StringValues> item) => Add(item.Key, item.Value);

    public bool Remove(string key)
    {
        var isRemoved = _headers.Remove(key);
        Restore();
        return isRemoved;
    }

    public bool Remove(KeyValuePair<string, StringValues> item)
    {
        var isRemoved = _headers.Remove(item);
        Restore();
        return isRemoved;
    }

    public void Clear()
    {
        _headers.Clear();
        Restore();
    }

    public bool ContainsKey(string key) => !IsHidden(key) && _headers.ContainsKey(key);

    public bool Contains(KeyValuePair<string, StringValues> item) => _headers.Contains(item);

    public bool TryGetValue(string key, out StringValues value)
    {
        value = default;
        return !IsHidden(key) && _headers.TryGetValue(key, out value);
    }

    public void CopyTo(KeyValuePair<string, StringValues>[] array, int arrayIndex) => _headers.CopyTo(array, arrayIndex);

    public IEnumerator<KeyValuePair<string, StringValues>> GetEnumerator() => _headers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _headers.GetEnumerator();

    /// <summary>Removes the permission for shared caches, and keeps everything else.</summary>
    internal static StringValues MakePrivate(StringValues value)
    {
        if (!CacheControlHeaderValue.TryParse(string.Join(", ", value.ToArray()), out var control))
        {
            return CacheControlHeaderValue.PrivateString;
        }

        if (control.NoStore)
        {
            return value;
        }

        // With field names, private applies to these header fields only.
        control.PrivateHeaders.Clear();
        (control.Private, control.Public, control.SharedMaxAge) = (true, false, null);
        return control.ToString();
    }

    private static bool IsCacheControl(string key) => key.Equals(HeaderNames.CacheControl, StringComparison.OrdinalIgnoreCase);

    private bool IsHidden(string key) => _isDefault && IsCacheControl(key);

    /// <summary>A response without <c>Cache-Control</c> can be stored for a time that the cache chooses (RFC 9111 section 4.2.2).</summary>
    private void Restore()
    {
        if (!_headers.ContainsKey(HeaderNames.CacheControl))
        {
            this[HeaderNames.CacheControl] = default;
        }
    }
}
