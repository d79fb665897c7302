{
  const form = document.getElementById('fragment')
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const input = document.createElement('input')
    Object.assign(input, { type: 'hidden', name, value })
    form.append(input)
  }
  history.replaceState(null, '', location.pathname)
  form.submit()
}
