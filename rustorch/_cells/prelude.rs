// What a Rust cell finds in scope: Tensor, a rustorch tensor held by Rust, over CPython's C API.  Memory is shared,
// never copied, but where `to_vec` and `from_vec` say so.  A Python exception ends the cell and is raised in Python.
#[allow(dead_code, unused_imports, static_mut_refs)]
mod rustorch_prelude {
    use std::ffi::{CStr, CString};
    use std::os::raw::{c_char, c_double, c_int, c_longlong, c_void};
    use std::fmt;
    use std::ops;

    #[repr(C)]
    pub struct PyObject {
        _private: [u8; 0],
    }
    type Object = *mut PyObject;

    extern "C" {
        static mut PyExc_RuntimeError: Object;
        fn Py_IncRef(o: Object);
        fn Py_DecRef(o: Object);
        fn PyErr_Occurred() -> Object;
        fn PyErr_SetString(kind: Object, text: *const c_char);
        fn PyImport_ImportModule(name: *const c_char) -> Object;
        fn PyObject_GetAttrString(o: Object, name: *const c_char) -> Object;
        fn PyObject_CallObject(f: Object, args: Object) -> Object;
        fn PyObject_IsTrue(o: Object) -> c_int;
        fn PyObject_Repr(o: Object) -> Object;
        fn PyObject_Str(o: Object) -> Object;
        fn PyUnicode_AsUTF8(o: Object) -> *const c_char;
        fn PyUnicode_FromString(text: *const c_char) -> Object;
        fn PyTuple_New(n: isize) -> Object;
        fn PyTuple_SetItem(t: Object, i: isize, o: Object) -> c_int;
        fn PySequence_Size(o: Object) -> isize;
        fn PySequence_GetItem(o: Object, i: isize) -> Object;
        fn PyDict_GetItemString(d: Object, name: *const c_char) -> Object;
        fn PyDict_SetItemString(d: Object, name: *const c_char, o: Object) -> c_int;
        fn PyFloat_FromDouble(x: c_double) -> Object;
        fn PyFloat_AsDouble(o: Object) -> c_double;
        fn PyLong_FromLongLong(x: c_longlong) -> Object;
        fn PyLong_AsLongLong(o: Object) -> c_longlong;
        fn PyLong_AsVoidPtr(o: Object) -> *mut c_void;
        fn PyBool_FromLong(x: std::os::raw::c_long) -> Object;
    }

    /// What a panic carries when a Python exception is set already.
    pub struct PythonError;

    fn text(s: &str) -> CString {
        CString::new(s).expect("a string with a zero byte")
    }

    /// A reference of our own; the object cannot be NULL.
    pub struct Owned(Object);

    impl Owned {
        fn new(o: Object) -> Owned {
            if o.is_null() {
                std::panic::panic_any(PythonError)
            }
            Owned(o)
        }
        fn attribute(&self, name: &str) -> Owned {
            Owned::new(unsafe { PyObject_GetAttrString(self.0, text(name).as_ptr()) })
        }
        fn call(&self, args: &[Owned]) -> Owned {
            unsafe {
                let tuple = Owned::new(PyTuple_New(args.len() as isize));
                for (i, a) in args.iter().enumerate() {
                    Py_IncRef(a.0);
                    PyTuple_SetItem(tuple.0, i as isize, a.0);
                }
                Owned::new(PyObject_CallObject(self.0, tuple.0))
            }
        }
        fn string(o: Object) -> String {
            let held = Owned::new(o);
            unsafe { CStr::from_ptr(PyUnicode_AsUTF8(held.0)).to_string_lossy().into_owned() }
        }
    }
    impl Clone for Owned {
        fn clone(&self) -> Owned {
            unsafe { Py_IncRef(self.0) };
            Owned(self.0)
        }
    }
    impl Drop for Owned {
        fn drop(&mut self) {
            unsafe { Py_DecRef(self.0) }
        }
    }

    fn checked<T>(value: T) -> T {
        if unsafe { !PyErr_Occurred().is_null() } {
            std::panic::panic_any(PythonError)
        }
        value
    }

    /// Rust values that go to Python.
    pub trait ToPython {
        fn to_python(&self) -> Owned;
    }
    /// Rust values that come from Python.
    pub trait FromPython: Sized {
        fn from_python(o: Owned) -> Self;
    }

    impl ToPython for f64 {
        fn to_python(&self) -> Owned {
            Owned::new(unsafe { PyFloat_FromDouble(*self) })
        }
    }
    impl ToPython for f32 {
        fn to_python(&self) -> Owned {
            (*self as f64).to_python()
        }
    }
    macro_rules! integers {
        ($($t:ty)*) => { $(impl ToPython for $t {
            fn to_python(&self) -> Owned { Owned::new(unsafe { PyLong_FromLongLong(*self as c_longlong) }) }
        })* };
    }
    integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
    impl ToPython for bool {
        fn to_python(&self) -> Owned {
            Owned::new(unsafe { PyBool_FromLong(*self as _) })
        }
    }
    impl ToPython for str {
        fn to_python(&self) -> Owned {
            Owned::new(unsafe { PyUnicode_FromString(text(self).as_ptr()) })
        }
    }
    impl ToPython for String {
        fn to_python(&self) -> Owned {
            self.as_str().to_python()
        }
    }
    impl<T: ToPython> ToPython for [T] {
        fn to_python(&self) -> Owned {
            let tuple = Owned::new(unsafe { PyTuple_New(self.len() as isize) });
            for (i, item) in self.iter().enumerate() {
                let o = item.to_python();
                unsafe {
                    Py_IncRef(o.0);
                    PyTuple_SetItem(tuple.0, i as isize, o.0)
                };
            }
            tuple
        }
    }
    impl<T: ToPython> ToPython for Vec<T> {
        fn to_python(&self) -> Owned {
            self.as_slice().to_python()
        }
    }
    impl<T: ToPython + ?Sized> ToPython for &T {
        fn to_python(&self) -> Owned {
            (**self).to_python()
        }
    }
    impl ToPython for Tensor {
        fn to_python(&self) -> Owned {
            self.0.clone()
        }
    }
    impl FromPython for f64 {
        fn from_python(o: Owned) -> f64 {
            checked(unsafe { PyFloat_AsDouble(o.0) })
        }
    }
    impl FromPython for i64 {
        fn from_python(o: Owned) -> i64 {
            checked(unsafe { PyLong_AsLongLong(o.0) })
        }
    }
    impl FromPython for bool {
        fn from_python(o: Owned) -> bool {
            checked(unsafe { PyObject_IsTrue(o.0) }) == 1
        }
    }
    impl FromPython for String {
        fn from_python(o: Owned) -> String {
            Owned::string(unsafe { PyObject_Str(o.0) })
        }
    }
    impl FromPython for Tensor {
        fn from_python(o: Owned) -> Tensor {
            Tensor(o)
        }
    }

    /// The types of elements that a tensor's memory can be seen as.
    pub trait Element: Copy + ToPython {
        const DTYPE: &'static str;
    }
    macro_rules! elements {
        ($($t:ty, $name:literal;)*) => { $(impl Element for $t { const DTYPE: &'static str = $name; })* };
    }
    elements! { f32, "float32"; f64, "float64"; i8, "int8"; i16, "int16"; i32, "int32"; i64, "int64"; u8, "uint8";
                u16, "uint16"; u32, "uint32"; u64, "uint64"; bool, "bool"; }

    /// rustorch.<name>(args...)
    pub fn call(name: &str, args: &[&dyn ToPython]) -> Tensor {
        let module = Owned::new(unsafe { PyImport_ImportModule(text("rustorch").as_ptr()) });
        let args: Vec<Owned> = args.iter().map(|a| a.to_python()).collect();
        Tensor(module.attribute(name).call(&args))
    }

    /// A rustorch tensor.  Cloning it copies a reference, as in Python.
    #[derive(Clone)]
    pub struct Tensor(Owned);

    impl Tensor {
        pub fn randn(shape: &[usize]) -> Tensor {
            call("randn", &[&shape])
        }
        pub fn rand(shape: &[usize]) -> Tensor {
            call("rand", &[&shape])
        }
        pub fn zeros(shape: &[usize]) -> Tensor {
            call("zeros", &[&shape])
        }
        pub fn ones(shape: &[usize]) -> Tensor {
            call("ones", &[&shape])
        }
        pub fn full(shape: &[usize], value: f64) -> Tensor {
            call("full", &[&shape, &value])
        }
        pub fn eye(n: usize) -> Tensor {
            call("eye", &[&n])
        }
        pub fn arange(n: i64) -> Tensor {
            call("arange", &[&n])
        }
        pub fn linspace(start: f64, end: f64, steps: usize) -> Tensor {
            call("linspace", &[&start, &end, &steps])
        }
        /// A copy of the numbers, in the order of the last dimension.
        pub fn from_vec<T: Element>(data: Vec<T>, shape: &[usize]) -> Tensor {
            Tensor::from_slice(&data, shape)
        }
        pub fn from_slice<T: Element>(data: &[T], shape: &[usize]) -> Tensor {
            if shape.iter().product::<usize>() != data.len() {
                panic!("from_slice: {} numbers for shape {:?}", data.len(), shape)
            }
            let t = call("zeros", &[&shape]).to_dtype(T::DTYPE);
            unsafe { std::slice::from_raw_parts_mut(t.data_ptr() as *mut T, data.len()) }.copy_from_slice(data);
            t
        }

        /// tensor.<name>(args...)
        pub fn method(&self, name: &str, args: &[&dyn ToPython]) -> Tensor {
            let args: Vec<Owned> = args.iter().map(|a| a.to_python()).collect();
            Tensor(self.0.attribute(name).call(&args))
        }
        fn ask<T: FromPython>(&self, name: &str) -> T {
            T::from_python(self.0.attribute(name).call(&[]))
        }
        pub fn shape(&self) -> Vec<usize> {
            let shape = self.0.attribute("shape");
            let n = unsafe { PySequence_Size(shape.0) };
            (0..n).map(|i| i64::from_python(Owned::new(unsafe { PySequence_GetItem(shape.0, i) })) as usize).collect()
        }
        pub fn ndim(&self) -> usize {
            self.shape().len()
        }
        pub fn numel(&self) -> usize {
            self.ask::<i64>("numel") as usize
        }
        pub fn dtype(&self) -> String {
            String::from_python(self.0.attribute("dtype"))
        }
        pub fn item(&self) -> f64 {
            self.ask("item")
        }
        pub fn get(&self, index: &[usize]) -> f64 {
            self.method("__getitem__", &[&index]).item()
        }
        fn data_ptr(&self) -> *mut c_void {
            checked(unsafe { PyLong_AsVoidPtr(self.0.attribute("data_ptr").call(&[]).0) })
        }
        fn check<T: Element>(&self) {
            if self.dtype() != T::DTYPE || !self.ask::<bool>("is_contiguous") {
                panic!("the memory of a {} tensor is no row of {}: .to_dtype(\"{}\").contiguous()", self.dtype(),
                       T::DTYPE, T::DTYPE)
            }
        }
        /// The tensor's memory, without a copy.  Panics unless it is contiguous and its elements are T.
        pub fn as_slice<T: Element>(&self) -> &[T] {
            self.check::<T>();
            unsafe { std::slice::from_raw_parts(self.data_ptr() as *const T, self.numel()) }
        }
        /// The same, to be written: not for tensors that are read-only or require grad.
        pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
            self.check::<T>();
            if bool::from_python(self.0.attribute("readonly")) || bool::from_python(self.0.attribute("requires_grad")) {
                panic!("as_mut_slice: the tensor is read-only or requires grad")
            }
            // a write of nothing: gradients that need the memory as it was will say so
            self.reshape(&[-1]).method("narrow", &[&0, &0, &0]).method("zero_", &[]);
            unsafe { std::slice::from_raw_parts_mut(self.data_ptr() as *mut T, self.numel()) }
        }
        /// A copy of the elements, converted.
        pub fn to_vec<T: Element>(&self) -> Vec<T> {
            let t = self.method("detach", &[]).to_dtype(T::DTYPE).contiguous();
            t.as_slice::<T>().to_vec()
        }
        pub fn to_dtype(&self, dtype: &str) -> Tensor {
            self.method("to", &[&dtype])
        }
        pub fn reshape(&self, shape: &[isize]) -> Tensor {
            self.method("reshape", &[&shape])
        }
        pub fn transpose(&self, d0: isize, d1: isize) -> Tensor {
            self.method("transpose", &[&d0, &d1])
        }
        pub fn softmax(&self, dim: isize) -> Tensor {
            self.method("softmax", &[&dim])
        }
        pub fn sum_dim(&self, dim: isize) -> Tensor {
            self.method("sum", &[&dim])
        }
        pub fn mean_dim(&self, dim: isize) -> Tensor {
            self.method("mean", &[&dim])
        }
        pub fn pow(&self, exponent: f64) -> Tensor {
            self.method("pow", &[&exponent])
        }
        pub fn requires_grad(&self, on: bool) -> Tensor {
            self.method("requires_grad_", &[&on])
        }
        pub fn backward(&self) {
            self.0.attribute("backward").call(&[]);
        }
        pub fn grad(&self) -> Tensor {
            Tensor(self.0.attribute("grad"))
        }
    }

    macro_rules! methods {
        ($($name:ident)*) => { impl Tensor { $(pub fn $name(&self) -> Tensor { self.method(stringify!($name), &[]) })* } };
    }
    methods!(t exp log sin cos tan tanh sqrt abs relu sigmoid sum mean max min std var argmax argmin contiguous detach);
    macro_rules! pairs {
        ($($name:ident)*) => { impl Tensor {
            $(pub fn $name(&self, other: &Tensor) -> Tensor { self.method(stringify!($name), &[other]) })*
        } };
    }
    pairs!(add sub mul div matmul maximum minimum);

    macro_rules! operators {
        ($($op:ident $name:ident;)*) => { $(
            impl ops::$op<&Tensor> for &Tensor {
                type Output = Tensor;
                fn $name(self, other: &Tensor) -> Tensor { self.method(stringify!($name), &[other]) }
            }
            impl ops::$op<Tensor> for Tensor {
                type Output = Tensor;
                fn $name(self, other: Tensor) -> Tensor { Tensor::method(&self, stringify!($name), &[&other]) }
            }
            impl ops::$op<&Tensor> for Tensor {
                type Output = Tensor;
                fn $name(self, other: &Tensor) -> Tensor { Tensor::method(&self, stringify!($name), &[other]) }
            }
            impl ops::$op<Tensor> for &Tensor {
                type Output = Tensor;
                fn $name(self, other: Tensor) -> Tensor { self.method(stringify!($name), &[&other]) }
            }
            impl ops::$op<f64> for &Tensor {
                type Output = Tensor;
                fn $name(self, other: f64) -> Tensor { self.method(stringify!($name), &[&other]) }
            }
            impl ops::$op<f64> for Tensor {
                type Output = Tensor;
                fn $name(self, other: f64) -> Tensor { Tensor::method(&self, stringify!($name), &[&other]) }
            }
            impl ops::$op<&Tensor> for f64 {
                type Output = Tensor;
                fn $name(self, other: &Tensor) -> Tensor { call(stringify!($name), &[&self, other]) }
            }
            impl ops::$op<Tensor> for f64 {
                type Output = Tensor;
                fn $name(self, other: Tensor) -> Tensor { call(stringify!($name), &[&self, &other]) }
            }
        )* };
    }
    operators! { Add add; Sub sub; Mul mul; Div div; }

    impl ops::Neg for &Tensor {
        type Output = Tensor;
        fn neg(self) -> Tensor {
            self.method("neg", &[])
        }
    }
    impl ops::Neg for Tensor {
        type Output = Tensor;
        fn neg(self) -> Tensor {
            self.method("neg", &[])
        }
    }
    impl fmt::Debug for Tensor {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str(&Owned::string(unsafe { PyObject_Repr(self.0 .0) }))
        }
    }
    impl fmt::Display for Tensor {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str(&Owned::string(unsafe { PyObject_Str(self.0 .0) }))
        }
    }

    /// The variables of the notebook that a cell is given and gives.
    pub struct Variables(pub *mut c_void);

    impl Variables {
        pub fn get<T: FromPython>(&self, name: &str) -> T {
            let o = unsafe { PyDict_GetItemString(self.0 as Object, text(name).as_ptr()) };
            unsafe { Py_IncRef(o) };
            T::from_python(Owned::new(o))
        }
        pub fn set<T: ToPython>(&self, name: &str, value: &T) {
            unsafe { PyDict_SetItemString(self.0 as Object, text(name).as_ptr(), value.to_python().0) };
        }
    }

    /// Runs the cell; -1 with a Python exception for a panic.
    pub fn run(body: impl FnOnce() -> Result<(), Box<dyn std::error::Error>> + std::panic::UnwindSafe) -> c_int {
        use std::io::Write;
        use std::sync::Mutex;
        static PLACE: Mutex<String> = Mutex::new(String::new());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|info| {
            if let (Some(at), Ok(mut place)) = (info.location(), PLACE.lock()) {
                *place = format!("line {}: ", at.line());
            }
        }));
        let outcome = std::panic::catch_unwind(body);
        std::panic::set_hook(before);
        let _ = std::io::stdout().flush();
        let message = match outcome {
            Ok(Ok(())) => return 0,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => {
                let said = panic.downcast_ref::<&str>().map(|s| s.to_string()).or(panic.downcast_ref::<String>().cloned());
                let place = PLACE.lock().map(|p| p.clone()).unwrap_or_default();
                format!("{}{}", place, said.unwrap_or("panic".to_string()))
            }
        };
        unsafe {
            if PyErr_Occurred().is_null() {
                PyErr_SetString(PyExc_RuntimeError, text(&message.replace('\0', " ")).as_ptr());
            }
        }
        -1
    }
}
